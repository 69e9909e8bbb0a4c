internal import AudioClassifier
internal import Glibc
internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// Accepts connections on one address, no more at a time than are allowed, and runs each one as a task of its own.
struct ConnectionListener<Connection: Sendable>: Sendable {
    let address: ListenAddress
    let group: any EventLoopGroup
    let gate: ConnectionGate
    let log: Logger
    /// Sets up a new connection's pipeline.
    let initialize: @Sendable (any Channel) -> EventLoopFuture<Connection>
    /// Serves the connection to its end.
    let serve: @Sendable (Connection, _ client: String) async -> Void

    /// A bound socket, with the address that it got.
    struct Bound: Sendable {
        let channel: NIOAsyncChannel<Accepted, Never>
        let address: ListenAddress
    }

    /// A connection, and where it comes from.
    struct Accepted: Sendable {
        let connection: Connection
        let client: String
        let channel: any Channel
    }

    /// - Parameter descriptor: a socket that somebody else has bound to the address and listens on; it stays in the
    ///   file system when this process goes.
    func bind(_ descriptor: Int32? = nil) async throws(ClassifierError) -> Bound {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // The kernel's share of what waits for a slow reader; the rest is bounded here.
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
                // Whoever may use the socket is decided by the file's mode; nobody else for now.
                let before = umask(0o117)
                defer { umask(before) }
                let channel = try await bootstrap.bind(
                    unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: accept)
                return Bound(channel: channel, address: address)
            }
        } catch {
            throw ClassifierError(
                .unavailable, code: "listen",
                "cannot listen on \(address): \(error); is another program there? Choose another address with listen")
        }
    }

    /// Accepts until the task is cancelled, then waits for the connections that there are.
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
                log.error("\(address): no more connections are taken: \(error)")
            }
        }
    }
}

/// How many connections there are, and how fast an address makes new ones.
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

    func enter(_ address: String, at time: Double) -> Bool {
        let isAllowed = state.withLockedValue { state in
            // Clients of a local socket are one address, and trusted by the file's mode.
            guard state.count < limit, address == "unix" || state.rate.allows(address, at: time) else { return false }
            state.count += 1
            return true
        }
        if isAllowed { metrics.connected() } else { metrics.refused(.client) }
        return isAllowed
    }

    func leave() { state.withLockedValue { $0.count -= 1 } }

    var count: Int { state.withLockedValue { $0.count } }
}
