internal import AudioClassifier
internal import Glibc
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// Accepts connections on one address, within the limits of a gate, and serves each one in a task.
struct ConnectionListener<Connection: Sendable>: Sendable {
    let address: ListenAddress
    let group: any EventLoopGroup
    let gate: ConnectionGate
    let log: Logger
    /// Sets up the pipeline of a new connection.
    let initialize: @Sendable (any Channel) -> EventLoopFuture<Connection>
    /// Serves a connection to its end.
    let serve: @Sendable (Connection, _ client: String) async -> Void

    /// A bound socket and its address, whose port the system may have chosen.
    struct Bound: Sendable {
        let channel: NIOAsyncChannel<Accepted, Never>
        let address: ListenAddress
    }

    /// A connection and its client's address.
    struct Accepted: Sendable {
        let connection: Connection
        let client: String
        let channel: any Channel
    }

    /// Begins to listen.
    /// - Parameter descriptor: a listening socket of another process, which stays in the file system after this
    ///   process.
    func bind(_ descriptor: Int32? = nil) async throws(ClassifierError) -> Bound {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // Bounds the bytes of one wake-up of a fast sender.
            .childChannelOption(.maxMessagesPerRead, value: 4)
        let accept: @Sendable (any Channel) -> EventLoopFuture<Accepted> = { channel in
            let client = channel.remoteAddress?.ipAddress ?? "unix"
            return initialize(channel).map { Accepted(connection: $0, client: client, channel: channel) }
        }
        do {
            if let descriptor {
                let channel = try await bootstrap.bind(descriptor, childChannelInitializer: accept)
                return Bound(channel: channel, address: address)
            }
            switch address {
            case .network(let host, let port):
                let channel = try await bootstrap.bind(host: host, port: port, childChannelInitializer: accept)
                let bound = ListenAddress.network(host: host, port: channel.channel.localAddress?.port ?? port)
                return Bound(channel: channel, address: bound)
            case .unix(let path):
                // The mode of the file decides about access: owner and group alone.
                let before = umask(0o117)
                defer { umask(before) }
                let channel = try await bootstrap.bind(
                    unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: accept)
                return Bound(channel: channel, address: address)
            }
        } catch {
            throw ClassifierError(
                .unavailable, code: "listen",
                "cannot listen on \(address): \(Self.reason(error)); is another program there? "
                    + "Choose another address with listen")
        }
    }

    /// The system's reason of an error, without the names of functions that an `IOError` adds.
    private static func reason(_ error: any Error) -> String {
        (error as? IOError).map { unsafe String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    /// Accepts until the task is cancelled, then waits for open connections.
    func run(_ bound: Bound) async {
        await withDiscardingTaskGroup { tasks in
            do {
                try await bound.channel.executeThenClose { inbound in
                    for try await accepted in inbound {
                        let now = NIODeadline.now().uptimeNanoseconds
                        guard gate.enter(accepted.client, at: Double(now) * 1e-9) else {
                            accepted.channel.close(promise: nil)
                            continue
                        }
                        tasks.addTask {
                            await serve(accepted.connection, accepted.client)
                            accepted.channel.close(promise: nil)
                            gate.leave()
                        }
                    }
                }
            } catch is CancellationError {} catch {
                log.error("\(address): no more connections are accepted: \(error)")
            }
        }
    }
}

/// Limits the number of connections, and the rate of new connections of an address.
final class ConnectionGate: Sendable {
    private struct State {
        var rate: RateLimit
        var count = 0
    }

    private let limit: Int
    private let metrics: ServerMetrics
    private let state: NIOLockedValueBox<State>

    init(limit: Int, perSecond: Int, metrics: ServerMetrics) {
        self.limit = limit
        self.metrics = metrics
        state = NIOLockedValueBox(State(rate: RateLimit(perSecond: perSecond)))
    }

    /// Counts a new connection if it is within the limits.
    func enter(_ address: String, at time: Double) -> Bool {
        let isAllowed = state.withLockedValue { state in
            // Clients of a Unix socket share one address; the mode of its file decides about them.
            guard state.count < limit, address == "unix" || state.rate.allows(address, at: time) else { return false }
            state.count += 1
            return true
        }
        if isAllowed {
            metrics.connected(address)
        } else {
            metrics.refused(
                AdmissionRefusal.Reason.client.rawValue,
                "there are more connections than limits.connections or limits.connections_per_second allow",
                client: address)
        }
        return isAllowed
    }

    func leave() { state.withLockedValue { $0.count -= 1 } }

    var count: Int { state.withLockedValue { $0.count } }
}
