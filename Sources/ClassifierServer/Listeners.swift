internal import AudioClassifier
internal import Logging
internal import NIOCore
internal import NIOPosix

/// The listeners of all configured addresses.
struct Listeners: Sendable {
    let configuration: ServeConfiguration
    let hub: StreamHub
    let gate: ConnectionGate
    let files: FileClassification
    let group: MultiThreadedEventLoopGroup
    /// TLS of the HTTP listener; nil for plain HTTP.
    let tls: ServerTLS?
    let log: Logger

    /// Bound sockets. Clients that connect wait until ``run(_:)``.
    struct Bound: Sendable {
        fileprivate var http:
            (
                ConnectionListener<EventLoopFuture<HTTPServer.Connection>>,
                ConnectionListener<EventLoopFuture<HTTPServer.Connection>>.Bound
            )?
        fileprivate var raw:
            [(ConnectionListener<RawConnection.Channels>, ConnectionListener<RawConnection.Channels>.Bound)] = []
        fileprivate(set) var addresses: [String] = []
    }

    /// Begins to listen on all addresses.
    func bind() async throws -> Bound {
        var bound = Bound()
        // Sockets of the service manager replace configured addresses.
        let activated = try ActivatedSockets().byName
        var listening = configuration.listening
        listening.http = activated["http"]?.address ?? listening.http
        listening.tcp = activated["tcp"]?.address ?? listening.tcp
        listening.unix = activated["unix"]?.address ?? listening.unix
        try listening.check(hasToken: configuration.access.token != nil)
        if let address = listening.http {
            let listener = http(address)
            if activated["http"] == nil { try UnixSocketFile.check(address) }
            let socket = try await listener.bind(activated["http"]?.descriptor)
            bound.http = (listener, socket)
            bound.addresses.append("\(tls == nil ? "http" : "https")://\(socket.address)/")
        }
        for (address, prefix) in [(listening.tcp, "tcp"), (listening.unix, "unix")] {
            guard let address else { continue }
            let listener = raw(address, prefix)
            if activated[prefix] == nil { try UnixSocketFile.check(address) }
            let socket = try await listener.bind(activated[prefix]?.descriptor)
            bound.raw.append((listener, socket))
            bound.addresses.append(prefix == "tcp" ? "tcp://\(socket.address)" : "\(socket.address)")
        }
        return bound
    }

    /// Accepts connections until the task is cancelled.
    func run(_ bound: Bound) async {
        await withDiscardingTaskGroup { tasks in
            if let (listener, socket) = bound.http { tasks.addTask { await listener.run(socket) } }
            for (listener, socket) in bound.raw { tasks.addTask { await listener.run(socket) } }
        }
    }

    private func http(_ address: ListenAddress) -> ConnectionListener<EventLoopFuture<HTTPServer.Connection>> {
        let access = AccessControl(
            token: configuration.access.token, hosts: Set(configuration.access.hosts),
            isLocal: address.isLocal)
        let server = HTTPServer(
            hub: hub, access: access, limits: configuration.limits,
            router: RequestRouter(hub: hub, report: ServiceReport(hub: hub, gate: gate), files: files), tls: tls)
        return ConnectionListener(
            address: address, group: group, gate: gate, log: log, initialize: { server.initialize($0) },
            serve: { await server.serve($0, client: $1) })
    }

    private func raw(_ address: ListenAddress, _ prefix: String) -> ConnectionListener<RawConnection.Channels> {
        let connection = RawConnection(hub: hub, idleSeconds: configuration.limits.idleSeconds, prefix: prefix)
        return ConnectionListener(
            address: address, group: group, gate: gate, log: log, initialize: { connection.initialize($0) },
            serve: { await connection.serve($0, client: $1) })
    }
}
