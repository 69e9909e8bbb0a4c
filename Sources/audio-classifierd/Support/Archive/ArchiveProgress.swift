internal import AudioFrontend
internal import StrictCoding
internal import Synchronization

/// The progress of a run on the terminal: files, hours of audio, speed, remaining time.
package final class ArchiveProgress: Sendable {
    private struct State {
        var files = 0
        var finished = Part()
        /// The finished parts of the files that are being classified.
        var parts: [FileName: Part] = [:]
    }

    /// An amount of work and of audio.
    private struct Part {
        var bytes = 0.0
        var seconds = 0.0

        static func += (sum: inout Part, part: Part) {
            sum.bytes += part.bytes
            sum.seconds += part.seconds
        }
    }

    private let line: Progress
    private let files: Int
    private let bytes: Double
    private let began: Double
    private let state = Mutex(State())

    /// - Returns: nil if standard error is no terminal.
    package static func ifTerminal(_ items: [ArchiveItem], title: String = "classify") -> ArchiveProgress? {
        Progress.ifTerminal(title).map { ArchiveProgress($0, items) }
    }

    private init(_ line: Progress, _ items: [ArchiveItem]) {
        self.line = line
        files = items.count
        bytes = items.reduce(0) { $0 + Self.weight($1) }
        began = Progress.now()
    }

    /// Work of a file. An empty one costs something, too.
    private static func weight(_ item: ArchiveItem) -> Double { item.work == .classify ? Double(item.size + 4096) : 1 }

    /// Notes the finished part of a file.
    /// - Parameter seconds: the duration of the whole file, if it is known.
    package func update(_ item: ArchiveItem, fraction: Double, of seconds: Double?) {
        let fraction = min(1, fraction)
        state.withLock { state in
            state.parts[item.key] = Part(bytes: Self.weight(item) * fraction, seconds: (seconds ?? 0) * fraction)
            show(state, item)
        }
    }

    /// Notes a finished file.
    package func complete(_ item: ArchiveItem, seconds: Double) {
        state.withLock { state in
            state.parts[item.key] = nil
            state.files += 1
            state.finished += Part(bytes: Self.weight(item), seconds: seconds)
            show(state, item)
        }
    }

    /// Removes the line.
    package func finish() { line.finish() }

    private func show(_ state: borrowing State, _ item: ArchiveItem) {
        let elapsed = max(Progress.now() - began, 1e-3)
        let done = state.parts.values.reduce(into: state.finished) { $0 += $1 }
        let hours = Decimal.text(done.seconds / 3600, 2)
        let files = Quantity.text(self.files, "file")
        line.update(
            min(done.bytes / max(bytes, 1), 1),
            "\(state.files)/\(files)  \(hours) h of audio  \(Int(done.seconds / elapsed)) x real time  "
                + "\(item.name)")
    }
}
