internal import FoundationEssentials
internal import Glibc
internal import NIOCore

/// Measures what admission must know beside the loops' own times: whether this process gets its turns in time, and what
/// streams cost it as a whole.
struct LoadWatch: Sendable {
    let hub: StreamHub
    let files: FileClassification

    private static let interval = TimeAmount.milliseconds(100)
    /// Intervals of a measurement of cost.
    private static let measured = 10

    /// Until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            let before = (processor: Self.processorSeconds(), used: hub.shared.used)
            var isUndisturbed = isIdle
            for _ in 0..<Self.measured where !Task.isCancelled {
                await turn()
                isUndisturbed = isUndisturbed && isIdle
            }
            // What a file or a reload costs is not to be taken for what streams cost.
            guard isUndisturbed else { continue }
            let used = hub.shared.used
            hub.shared.update(
                processor: Self.processorSeconds() - before.processor,
                .init(audio: used.audio - before.used.audio, inference: used.inference - before.used.inference))
        }
    }

    /// Whether the process does nothing but to serve streams.
    private var isIdle: Bool { files.isIdle && !hub.shared.isReloading }

    /// Asks every loop, whose threads are those of the sockets, and notes how long after the time it has answered.
    private func turn() async {
        let due = NIODeadline.now() + Self.interval
        try? await Task.sleep(for: .nanoseconds(Self.interval.nanoseconds))
        for loop in hub.loops { await loop.beat() }
        hub.shared.turned(after: Double((NIODeadline.now() - due).nanoseconds) * 1e-9)
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Processors that this process may use: those of its mask, which `taskset` and systemd's `CPUAffinity` set.
    static var processors: Int {
        let status = (try? String(contentsOf: URL(filePath: "/proc/self/status"), encoding: .utf8)) ?? ""
        let mask = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }?.dropFirst(13) ?? ""
        let count = mask.compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount }
        return count > 0 ? count : ProcessInfo.processInfo.activeProcessorCount
    }
}
