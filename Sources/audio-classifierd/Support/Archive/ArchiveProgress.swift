internal import StrictCoding
internal import Synchronization

/// The progress of a run on the terminal: files, hours of audio, speed, remaining time.
package final class ArchiveProgress: Sendable {
    private struct State {
        var files = 0
        var bytes = 0.0
        var seconds = 0.0
        /// Finished bytes of the files that are being classified.
        var parts: [String: Double] = [:]
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
    package func update(_ item: ArchiveItem, fraction: Double) {
        state.withLock { state in
            state.parts[item.key] = Self.weight(item) * min(1, fraction)
            show(state, item)
        }
    }

    /// Notes a finished file.
    package func complete(_ item: ArchiveItem, seconds: Double) {
        state.withLock { state in
            state.parts[item.key] = nil
            state.files += 1
            state.bytes += Self.weight(item)
            state.seconds += seconds
            show(state, item)
        }
    }

    /// Removes the line.
    package func finish() { line.finish() }

    private func show(_ state: borrowing State, _ item: ArchiveItem) {
        let elapsed = max(Progress.now() - began, 1e-3)
        let done = state.bytes + state.parts.values.reduce(0, +)
        let hours = Decimal.text(state.seconds / 3600, 2)
        let files = Quantity.text(self.files, "file")
        line.update(
            min(done / max(bytes, 1), 1),
            "\(state.files)/\(files)  \(hours) h of audio  \(Int(state.seconds / elapsed)) x real time  "
                + "\(item.name)")
    }
}
