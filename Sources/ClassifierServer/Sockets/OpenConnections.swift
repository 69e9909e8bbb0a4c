internal import NIOConcurrencyHelpers
internal import NIOCore

/// The event of all connections when the service begins to stop.
struct ServiceStops: Sendable {}

/// All open connections and the tasks that serve them, so that nothing outlives the listeners.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var tasks = 0
    }

    /// Longest wait for connections to close, in steps of 10 ms.
    private static let patience = 500

    private let state = NIOLockedValueBox(State())

    func add(_ channel: any Channel) { state.withLockedValue { $0.channels[ObjectIdentifier(channel)] = channel } }

    func remove(_ channel: any Channel) { state.withLockedValue { $0.channels[ObjectIdentifier(channel)] = nil } }

    /// Starts a task that serves a connection, and cancels it when the connection closes.
    func serve(_ channel: any Channel, _ body: @escaping @Sendable () async -> Void) {
        state.withLockedValue { $0.tasks += 1 }
        let task = Task {
            await body()
            state.withLockedValue { $0.tasks -= 1 }
        }
        channel.closeFuture.whenComplete { _ in task.cancel() }
    }

    /// Tells all connections that the service begins to stop.
    func announceStop() {
        for channel in state.withLockedValue({ Array($0.channels.values) }) {
            channel.pipeline.fireUserInboundEventTriggered(ServiceStops())
        }
    }

    /// Closes all connections and waits for the end of their tasks.
    func close() async {
        for _ in 0..<Self.patience {
            let (channels, tasks) = state.withLockedValue { (Array($0.channels.values), $0.tasks) }
            guard !channels.isEmpty || tasks > 0 else { return }
            for channel in channels { channel.close(promise: nil) }
            try? await Task.sleep(for: .milliseconds(10))
        }
    }
}
