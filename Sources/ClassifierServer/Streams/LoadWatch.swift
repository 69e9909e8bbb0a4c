internal import FoundationEssentials
internal import Glibc
internal import NIOCore

/// Measures the delay of the loops' threads, and the cost of streams for the process as a whole. A loop cannot measure
/// either by itself.
struct LoadWatch: Sendable {
    let hub: StreamHub
    /// Whether the process does other work than streams, for example classifies an uploaded file.
    let hasOtherWork: @Sendable () -> Bool

    private static let interval = TimeAmount.milliseconds(100)
    /// Number of intervals of a measurement of the cost.
    private static let intervals = 10

    /// Measures until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let before = (processor: Self.processorSeconds(), used: hub.shared.used)
            var isUndisturbed = isIdle
            for _ in 0..<Self.intervals where !Task.isCancelled {
                await ping()
                isUndisturbed = isUndisturbed && isIdle
            }
            // The cost of a file or a reload must not be charged to streams.
            guard isUndisturbed else { continue }
            let used = hub.shared.used
            hub.shared.update(
                processor: Self.processorSeconds() - before.processor,
                .init(audio: used.audio - before.used.audio, inference: used.inference - before.used.inference))
        }
    }

    /// Whether the process does nothing but to serve streams.
    private var isIdle: Bool { !hasOtherWork() && !hub.shared.isReloading }

    /// Pings every loop after an interval, and records the delay of the last answer.
    private func ping() async {
        let due = NIODeadline.now() + Self.interval
        try? await Task.sleep(for: .nanoseconds(Self.interval.nanoseconds))
        await hub.ping()
        hub.shared.answeredPing(after: Double((NIODeadline.now() - due).nanoseconds) * 1e-9)
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// Number of processors in the process's affinity mask, which `taskset` and systemd's `CPUAffinity` set.
    static var processors: Int {
        let status = (try? String(contentsOf: URL(filePath: "/proc/self/status"), encoding: .utf8)) ?? ""
        let mask = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }?.dropFirst(13) ?? ""
        let count = mask.compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount }
        return count > 0 ? count : ProcessInfo.processInfo.activeProcessorCount
    }
}
