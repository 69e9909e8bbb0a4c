package import AudioClassifier
internal import AudioFrontend
internal import Glibc

/// The sums over an archive's results, in bounded memory.
package struct ArchiveTotals: Sendable {
    /// The kind of results; each counts hours in its own way.
    package enum Kind: String, Sendable { case summary, window, event }

    /// A part of a recording in which a label is sure.
    package struct Example: Sendable, Equatable {
        package let file: String
        package let start: Double
        package let end: Double
        package let time: Double?
        package let p: Double
    }

    package struct Label: Sendable {
        package let name: String
        /// Recordings or windows in which it is the likeliest label, or its events.
        package var count = 0
        package var seconds = 0.0
        package var examples: [Example] = []
    }

    /// The outcome of a file that is listed.
    package enum Outcome: String, Sendable { case failed, skipped, used }

    /// A file without a result, or one whose result has warnings.
    package struct Remark: Sendable, Equatable {
        package let file: String
        package let code: String
        package let message: String
        package let outcome: Outcome
    }

    /// Examples of a label, kept labels, listed files without a result and, as many again, with warnings.
    package static let exampleLimit = 5
    package static let labelLimit = 2000
    package static let remarkLimit = 200
    /// The name of all labels beyond the limit.
    private static let others = "(other labels)"
    private static let hoursOfDay = 24
    /// Hours over which a sound is distributed in the calendar.
    private static let longestSpread = 24 * 31

    /// Labels less sure than this do not count.
    private let threshold: Double
    package private(set) var kind: Kind?
    package private(set) var files = 0
    package private(set) var seconds = 0.0
    package private(set) var damagedLines = 0
    /// Rows of frames and the like, which are not shown.
    package private(set) var otherLines = 0
    package private(set) var labels: [Label] = []
    package private(set) var remarks: [Remark] = []
    /// Number of files for each reason.
    package private(set) var reasons: [Reason: Int] = [:]
    /// Hours of days: label 0 is all sound, and the others follow in the order of ``labels``.
    package private(set) var calendar = BoundedCells(
        columnLimit: 400, cellLimit: 3 * (labelLimit + 2) * hoursOfDay)
    /// Places in the order of files.
    package private(set) var order = BoundedCells(columnLimit: 200, cellLimit: 100_000)
    /// Files without a time.
    package private(set) var timelessSeconds = 0.0
    private var indices: [String: Int] = [:]
    private var lastFile: String?
    /// Listed files with a result.
    private var usedCount = 0
    private var open: (file: String, secondsPerFrame: Double, time: Double?)?

    package struct Reason: Hashable, Sendable {
        package let code: String
        package let outcome: Outcome
    }

    package init(threshold: Double) { self.threshold = threshold }

    /// Adds a line that could not be read.
    package mutating func addDamaged() { damagedLines += 1 }

    /// Adds a row.
    /// - Throws: ``ClassifierError`` `data` if rows before it are of another kind, which would count sounds twice.
    package mutating func add(_ row: ArchiveRow) throws(ClassifierError) {
        switch row {
        case .summary(let sound):
            try set(.summary)
            files += 1
            addRecorded(sound.end, time: sound.time)
            add(sound)
            add(sound.warnings, file: sound.file)
        case .window(let sound):
            try set(.window)
            if lastFile != sound.file { files += 1 }
            lastFile = sound.file
            addRecorded(sound.end - sound.start, time: sound.time)
            add(sound)
            add(sound.warnings, file: sound.file)
        case .start(let file, let secondsPerFrame, let time):
            try set(.event)
            files += 1
            open = (file, secondsPerFrame, time)
        case .end(let frames, let warnings):
            if let open {
                addRecorded(frames * open.secondsPerFrame, time: open.time)
                add(warnings, file: open.file)
            }
            open = nil
        case .event(let sound):
            try set(.event)
            add(sound)
        case .failure(let file, let code, let message, let isSkipped):
            add(Remark(file: file, code: code, message: message, outcome: isSkipped ? .skipped : .failed))
        case .other: otherLines += 1
        }
    }

    private mutating func add(_ warnings: [String], file: String) {
        guard !warnings.isEmpty else { return }
        let code = warnings.contains { AudioInput.isOfMissingAudio($0, of: file) } ? "cut" : "warning"
        add(Remark(file: file, code: code, message: warnings.joined(separator: "; "), outcome: .used))
    }

    private mutating func add(_ remark: Remark) {
        let reason = Reason(code: String(remark.code.prefix(40)), outcome: remark.outcome)
        // Codes are few; those of a hostile file are not.
        if reasons.count < Self.remarkLimit || reasons[reason] != nil { reasons[reason, default: 0] += 1 }
        let isUsed = remark.outcome == .used
        guard (isUsed ? usedCount : remarks.count - usedCount) < Self.remarkLimit else { return }
        if isUsed { usedCount += 1 }
        let message = String(remark.message.prefix(500))
        remarks.append(Remark(file: remark.file, code: reason.code, message: message, outcome: remark.outcome))
    }

    private mutating func set(_ kind: Kind) throws(ClassifierError) {
        guard let known = self.kind, known != kind else {
            self.kind = kind
            return
        }
        throw ClassifierError(
            .data, code: "mixed",
            "has results of kind \(kind.rawValue) after some of kind \(known.rawValue), which would count sounds "
                + "twice; write a page of each")
    }

    /// Adds a label's sound.
    private mutating func add(_ sound: ArchiveRow.Sound) {
        for (rank, score) in sound.scores.enumerated() where score.p >= threshold {
            let index = index(score.label)
            if rank == 0 {
                labels[index].count += 1
                labels[index].seconds += sound.end - sound.start
                spread(sound.end - sound.start, label: index + 1, time: sound.time)
            }
            let examples = labels[index].examples
            // Equal ones stay in the order of the files.
            let place = examples.firstIndex { $0.p < score.p } ?? examples.count
            guard place < Self.exampleLimit else { continue }
            labels[index].examples.insert(
                Example(file: sound.file, start: sound.start, end: sound.end, time: sound.time, p: score.p), at: place)
            if labels[index].examples.count > Self.exampleLimit { labels[index].examples.removeLast() }
        }
    }

    private mutating func index(_ label: String) -> Int {
        if let index = indices[label] { return index }
        let name = labels.count < Self.labelLimit ? String(label.prefix(200)) : Self.others
        if let index = indices[name] { return index }
        labels.append(Label(name: name))
        indices[name] = labels.count - 1
        if name == label { indices[label] = labels.count - 1 }
        return labels.count - 1
    }

    private mutating func addRecorded(_ duration: Double, time: Double?) {
        seconds += duration
        if time == nil { timelessSeconds += duration }
        spread(duration, label: 0, time: time)
    }

    /// Adds a sound to the maps. In the calendar each hour of the clock gets its part.
    private mutating func spread(_ duration: Double, label: Int, time: Double?) {
        order.add(duration, label: label, position: max(0, files - 1), row: 0)
        guard let time else { return }
        var (now, rest) = (time, duration)
        for _ in 0..<Self.longestSpread {
            let local = Self.localSeconds(now)
            let part = min(rest, 3600 - local.truncatingRemainder(dividingBy: 3600))
            // Invariant: times are those of the years 1970 to 9999.
            let hour = Int(local / 3600)
            calendar.add(
                part, label: label, position: hour / Self.hoursOfDay, row: hour % Self.hoursOfDay)
            (now, rest) = (now + part, rest - part)
            if rest <= 0 { return }
        }
    }

    /// Returns seconds of the machine's zone since the beginning of 1970.
    private static func localSeconds(_ time: Double) -> Double {
        // Invariant: as above, and a month more.
        var whole = time_t(time)
        var parts = unsafe tm()
        _ = unsafe localtime_r(&whole, &parts)
        return max(0, unsafe time + Double(parts.tm_gmtoff))
    }
}
