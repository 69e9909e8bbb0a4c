internal import StrictCoding

/// The picture of a recording: spectrogram with axes, bars of events, curves of the classes.
package struct RecordingPicture {
    private static let ink = PictureColour(0x1B1F24)
    private static let quiet = PictureColour(0x565F6A)
    private static let line = PictureColour(0xD9DCD8)
    private static let paper = PictureColour(0xFFFFFF)
    private static let other = PictureColour(0x868E96)
    /// The curves' colours of the live page.
    private static let curves: [UInt32] = [
        0x141EE8, 0x0E9101, 0xFF3D54, 0x6D039D, 0x0E8BFF, 0xAD0A51, 0xC84DCB, 0x1F5104,
    ]
    /// Curves from this one on have broken lines.
    private static let firstDashed = 4
    private static let textSize = 13.0
    private static let noteSize = 11.0
    private static let laneHeight = 22.0
    private static let noteHeight = 16.0
    private static let mostLanes = 4
    private static let mostGreyNames = 10
    /// Width of a letter in parts of the size of letters, for what must fit.
    private static let letterWidth = 0.62
    private static let timeSteps = [
        0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400,
    ]
    /// Frequencies with a mark, in Hz.
    private static let frequencies = [50.0, 100, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000]

    private let recording: RecordingReport
    private let width: Double
    /// Space below the curves.
    private let bottom: Double
    private let lanes: [(event: RecordingReport.Bar, lane: Int)]
    private let laneCount: Int
    /// Bars that have no lane.
    private let hiddenCount: Int
    /// Lines below the legend that say how to read the picture.
    private let notes: [String]
    private let spectrogram: PictureArea
    private let timeline: PictureArea
    private let chart: PictureArea

    package init(_ recording: RecordingReport, width: Int, height: Int) {
        self.recording = recording
        self.width = Double(width)
        let (left, right, top) = (70.0, 20.0, 40.0)
        let plot = Double(width) - left - right
        // Long events come first: where there is no room, short ones are left out. A bar's words may need more room
        // than its time, and stand before it at the right edge.
        var taken: [[ClosedRange<Double>]] = []
        var lanes: [(RecordingReport.Bar, Int)] = []
        let scale = plot / max(recording.seconds, 1e-9)
        for bar in recording.bars.sorted(by: { $1.end - $1.start < $0.end - $0.start }) {
            let words = Double(bar.label.count) * Self.letterWidth * Self.textSize + 14
            let from = max(0, min(bar.start * scale, plot - words))
            let extent = from...max(bar.end * scale, from + words) + 2
            let lane = taken.firstIndex { $0.allSatisfy { !$0.overlaps(extent) } } ?? taken.count
            guard lane < Self.mostLanes else { continue }
            if lane == taken.count { taken.append([]) }
            taken[lane].append(extent)
            lanes.append((bar, lane))
        }
        self.lanes = lanes
        laneCount = max(1, taken.count)
        hiddenCount = recording.bars.count - lanes.count
        notes = Self.lines(Self.notes(recording, hidden: hiddenCount), width: plot)
        bottom = 58 + Double(notes.count) * Self.noteHeight
        let events = Double(laneCount) * Self.laneHeight
        let free = max(80, Double(height) - top - bottom - events - 20)
        spectrogram = PictureArea(x: left, y: top, width: plot, height: (0.58 * free).rounded())
        timeline = PictureArea(x: left, y: spectrogram.bottom + 6, width: plot, height: events)
        chart = PictureArea(x: left, y: timeline.bottom + 14, width: plot, height: free - spectrogram.height)
    }

    /// Draws the picture.
    package func draw<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas) throws {
        let height = chart.bottom + bottom
        let whole = PictureArea(x: 0, y: 0, width: width, height: height)
        canvas.fill(whole, Self.paper)
        let size = Self.textSize
        canvas.text(
            recording.name, at: PicturePoint(12, 20), .left, size: size + 2, isBold: true, Self.ink,
            in: PictureArea(x: 0, y: 0, width: width - 190, height: 40))
        canvas.text(
            "\(Self.clock(recording.seconds, decimals: 1)), \(recording.modelName)", at: PicturePoint(width - 20, 20),
            .right, size: size, isBold: false, Self.quiet, in: whole)
        let extent = recording.spectrogramSeconds / max(recording.seconds, 1e-9)
        canvas.fill(spectrogram, PictureColour(0x060612))
        if let image = recording.image(width: Int(spectrogram.width)) {
            let part = PictureArea(
                x: spectrogram.x, y: spectrogram.y, width: spectrogram.width * min(1, extent),
                height: spectrogram.height)
            try canvas.image(image, in: part)
        }
        drawFrequencies(on: &canvas, whole)
        drawEvents(on: &canvas)
        drawCurves(on: &canvas, whole)
    }

    private func x(_ time: Double) -> Double {
        chart.x + max(0, min(1, time / max(recording.seconds, 1e-9))) * chart.width
    }

    private func drawFrequencies<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas, _ whole: PictureArea) {
        var last = Double.infinity
        for hertz in Self.frequencies {
            guard let part = recording.height(ofHertz: hertz) else { continue }
            let y = spectrogram.bottom - part * spectrogram.height
            guard last - y >= 1.1 * Self.textSize else { continue }
            last = y
            // Invariant: the frequencies are whole numbers.
            let words = hertz < 1000 ? "\(Int(hertz)) Hz" : "\(Int(hertz / 1000)) kHz"
            label(words, y, on: &canvas, whole)
            canvas.line(
                [PicturePoint(spectrogram.x - 4, y), PicturePoint(spectrogram.x, y)], Self.quiet, width: 1,
                isDashed: false)
        }
    }

    private func label<Canvas: PictureCanvas & ~Copyable>(
        _ words: String, _ y: Double, on canvas: inout Canvas, _ whole: PictureArea
    ) {
        canvas.text(
            words, at: PicturePoint(spectrogram.x - 8, y), .right, size: Self.textSize - 1, isBold: false, Self.quiet,
            in: whole)
    }

    private func drawEvents<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas) {
        for (bar, lane) in lanes {
            let top = timeline.y + Double(lane) * Self.laneHeight
            let (from, to) = (x(bar.start), max(x(bar.end), x(bar.start) + 3))
            let colour = colour(bar.label)
            canvas.fill(
                PictureArea(x: from, y: top, width: to - from, height: Self.laneHeight - 3),
                PictureColour(colour.red, colour.green, colour.blue, alpha: 0.24))
            canvas.fill(PictureArea(x: from, y: top + Self.laneHeight - 7, width: to - from, height: 4), colour)
            let words = Double(bar.label.count) * Self.letterWidth * Self.textSize + 8
            canvas.text(
                bar.label, at: PicturePoint(min(from + 5, max(timeline.x, timeline.right - words)), top + 8), .left,
                size: Self.textSize - 1, isBold: true, Self.ink, in: timeline)
        }
        if hiddenCount > 0 {
            canvas.text(
                "+\(hiddenCount) more", at: PicturePoint(timeline.x - 8, timeline.y + 8), .right,
                size: Self.textSize - 1,
                isBold: false, Self.quiet, in: PictureArea(x: 0, y: timeline.y, width: timeline.x, height: 22))
        }
    }

    private func drawCurves<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas, _ whole: PictureArea) {
        func y(_ probability: Double) -> Double { chart.bottom - probability * chart.height }
        for mark in [0.0, 0.5, 1] {
            canvas.line(
                [PicturePoint(chart.x, y(mark)), PicturePoint(chart.right, y(mark))], Self.line, width: 1,
                isDashed: false)
            // Invariant: the marks are 0, 50 and 100.
            label("\(Int(100 * mark)) %", y(mark), on: &canvas, whole)
        }
        let most = max(2, chart.width / 110)
        let step = Self.timeSteps.first { recording.seconds / $0 <= most } ?? 604_800
        for mark in stride(from: 0, through: recording.seconds, by: step) {
            canvas.line(
                [PicturePoint(x(mark), chart.y), PicturePoint(x(mark), chart.bottom + 4)], Self.line, width: 1,
                isDashed: false)
            canvas.text(
                Self.clock(mark, decimals: step < 1 ? 1 : 0), at: PicturePoint(x(mark), chart.bottom + 14), .centre,
                size: Self.textSize - 1, isBold: false, Self.quiet, in: whole)
        }
        let labels = recording.curveLabels
        // The likeliest class lies above the others.
        for label in labels.reversed() {
            let points = recording.curve(label.index, columns: Int(chart.width)).map { time, probability in
                PicturePoint(x(time), y(probability))
            }
            canvas.line(
                points, colour(label.name), width: rank(label.name) == nil ? 1.25 : 2,
                isDashed: (rank(label.name) ?? 0) >= Self.firstDashed)
        }
        drawLegend(on: &canvas, labels.filter { rank($0.name) != nil }.map(\.name), whole)
        for (index, note) in notes.enumerated() {
            canvas.text(
                note, at: PicturePoint(chart.x, chart.bottom + 58 + Double(index) * Self.noteHeight), .left,
                size: Self.noteSize, isBold: false, Self.quiet, in: whole)
        }
    }

    private func drawLegend<Canvas: PictureCanvas & ~Copyable>(
        on canvas: inout Canvas, _ labels: [String], _ whole: PictureArea
    ) {
        var left = chart.x
        let y = chart.bottom + 38
        for label in labels.prefix(Self.curves.count) {
            let words = Double(label.count) * Self.letterWidth * Self.textSize
            guard left + 26 + words <= width || left == chart.x else { break }
            canvas.line(
                [PicturePoint(left, y), PicturePoint(left + 20, y)], colour(label), width: 3,
                isDashed: (rank(label) ?? 0) >= Self.firstDashed)
            canvas.text(
                label, at: PicturePoint(left + 26, y), .left, size: Self.textSize, isBold: false, Self.ink, in: whole)
            left += 26 + words + 22
        }
    }

    /// Returns the sentences that say how to read the picture of a recording.
    private static func notes(_ recording: RecordingReport, hidden: Int) -> [String] {
        var notes: [String] = []
        if !recording.bars.isEmpty, recording.onsetDelay > 0 {
            notes.append(
                "Bars begin \(Decimal.text(recording.onsetDelay, 2)) s before the model notices a sound, "
                    + "its usual delay.")
        }
        if hidden > 0 { notes.append("+\(hidden) more: bars without room.") }
        let labels = recording.curveLabels
        let coloured = labels.prefix(curves.count).filter { !$0.isBackground }
        if coloured.count > firstDashed { notes.append("Broken lines are the colours of further classes.") }
        let grey = labels.map(\.name).filter { name in !coloured.contains { $0.name == name } }
        if !grey.isEmpty {
            let more = grey.count > mostGreyNames ? " and \(grey.count - mostGreyNames) more" : ""
            notes.append("Grey curves: \(grey.prefix(mostGreyNames).joined(separator: "; "))\(more).")
        }
        return notes
    }

    /// Returns sentences as lines of a width.
    private static func lines(_ sentences: [String], width: Double) -> [String] {
        sentences.flatMap { $0.split(separator: " ") }.reduce(into: []) { lines, word in
            let joined = lines.last.map { "\($0) \(word)" } ?? String(word)
            if Double(joined.count) * letterWidth * noteSize <= width {
                lines = lines.dropLast() + [joined]
            } else {
                lines.append(String(word))
            }
        }
    }

    private func rank(_ label: String) -> Int? {
        recording.curveLabels.prefix(Self.curves.count).firstIndex { $0.name == label && !$0.isBackground }
    }

    private func colour(_ label: String) -> PictureColour {
        rank(label).map { PictureColour(Self.curves[$0]) } ?? Self.other
    }

    /// Returns a time as minutes and seconds.
    private static func clock(_ seconds: Double, decimals: Int) -> String {
        let factor = decimals > 0 ? 10.0 : 1
        // Invariant: a recording is shorter than the age of the universe.
        let units = Int((seconds * factor).rounded())
        let perMinute = Int(60 * factor)
        let (minutes, rest) = (units / perMinute, units % perMinute)
        let whole = rest / Int(factor)
        let text = "\(minutes):\(whole < 10 ? "0" : "")\(whole)"
        return decimals > 0 ? "\(text).\(rest % 10)" : text
    }
}
