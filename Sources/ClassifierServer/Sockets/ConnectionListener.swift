internal import AudioClassifier
internal import Glibc
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// Accepts connections on one address, within the limits of a gate. A connection beyond them is closed before it gets
/// a pipeline.
struct ConnectionListener: Sendable {
    private struct Refused: Error {}

    let address: ListenAddress
    let group: any EventLoopGroup
    let gate: ConnectionGate
    let connections: OpenConnections
    /// Bytes that the system receives of a connection before the service reads them; nil lets the system choose.
    var receiveBuffer: Int32?
    /// Sets up the pipeline of a new connection.
    let initialize: @Sendable (any Channel, _ client: String) -> EventLoopFuture<Void>

    /// Largest number of bytes of one read, and reads of a wake-up: a fast sender leaves the thread to others.
    private static let bytesPerRead = 32768

    /// A bound socket and its address, whose port the system may have chosen.
    struct Bound: Sendable {
        let channel: any Channel
        let address: ListenAddress
    }

    /// Begins to listen and to accept.
    /// - Parameter descriptor: a listening socket of another process, which stays in the file system after this
    ///   process.
    func bind(_ descriptor: Int32? = nil) async throws(ClassifierError) -> Bound {
        let bootstrap = ServerBootstrap(group: group)
            // A thousand clients that connect at once wait here; one that finds no place tries again after a second.
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: Self.bytesPerRead)
            )
            .childChannelInitializer { channel in accept(channel) }
        if let receiveBuffer {
            _ = bootstrap.serverChannelOption(
                .socketOption(.so_rcvbuf), value: SocketOptionValue(receiveBuffer))
        }
        do {
            if let descriptor {
                return Bound(channel: try await bootstrap.withBoundSocket(descriptor).get(), address: address)
            }
            switch address {
            case .network(let host, let port):
                let channel = try await bootstrap.bind(host: host, port: port).get()
                return Bound(channel: channel, address: .network(host: host, port: channel.localAddress?.port ?? port))
            case .unix(let path):
                let channel = try await bootstrap.withBoundSocket(try UnixSocketFile.bind(path)).get()
                let file = UnixSocketFile.identity(of: path)
                channel.closeFuture.whenComplete { _ in UnixSocketFile.remove(path, file) }
                return Bound(channel: channel, address: address)
            }
        } catch {
            throw ClassifierError(
                .unavailable, code: "listen",
                "cannot listen on \(address): \(Self.reason(error)); \(Self.advice(error))")
        }
    }

    /// The system's reason of an error, without the names of functions that an `IOError` adds.
    private static func reason(_ error: any Error) -> String {
        (error as? IOError).map { unsafe String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }

    private static func advice(_ error: any Error) -> String {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: "another program may be there; choose another address in the section listen"
        case EACCES:
            "the service's user may not have the right to it; choose a port from 1024 on, or another path, in the "
                + "section listen"
        default: "choose another address in the section listen"
        }
    }

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let client = channel.clientAddress
        guard gate.enter(client, at: MonotonicClock.now()) else {
            return channel.eventLoop.makeFailedFuture(Refused())
        }
        connections.add(channel)
        channel.closeFuture.whenComplete { _ in
            gate.leave()
            connections.remove(channel)
        }
        return channel.eventLoop.makeCompletedFuture {
            if let log = gate.log(of: client) { try channel.pipeline.syncOperations.addHandler(log) }
        }.flatMap { initialize(channel, client) }
    }
}

extension Channel {
    /// The address of the client, the same for all clients of a Unix socket.
    var clientAddress: String { remoteAddress?.ipAddress ?? "unix" }
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

    /// Returns a handler that logs the end of a connection; nil if the log leaves it out.
    func log(of client: String) -> ConnectionLog? {
        metrics.logsConnections ? ConnectionLog(client: client, metrics: metrics) : nil
    }

    var count: Int { state.withLockedValue { $0.count } }
}
