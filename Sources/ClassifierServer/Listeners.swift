internal import AudioClassifier
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
    let connections = OpenConnections()

    /// Bytes of a raw connection that the system receives ahead, within its own limit. The first line to a client that
    /// has closed its connection already makes the client's system discard what it has not sent.
    private static let rawReceiveBuffer: Int32 = 1 << 20

    /// Bound sockets, which accept connections.
    struct Bound: Sendable {
        fileprivate var sockets: [any Channel] = []
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
            let server = http(address)
            let listener = listener(address) { channel, _ in server.initialize(channel) }
            if activated["http"] == nil { try UnixSocketFile.check(address) }
            let socket = try await listener.bind(activated["http"]?.descriptor)
            bound.sockets.append(socket.channel)
            bound.addresses.append("\(tls == nil ? "http" : "https")://\(socket.address)/")
        }
        for (address, prefix) in [(listening.tcp, "tcp"), (listening.unix, "unix")] {
            guard let address else { continue }
            let streams = RawStreams(hub: hub, idleSeconds: configuration.limits.idleSeconds, prefix: prefix)
            var listener = listener(address) { streams.initialize($0, client: $1) }
            listener.receiveBuffer = Self.rawReceiveBuffer
            if activated[prefix] == nil { try UnixSocketFile.check(address) }
            let socket = try await listener.bind(activated[prefix]?.descriptor)
            bound.sockets.append(socket.channel)
            bound.addresses.append(prefix == "tcp" ? "tcp://\(socket.address)" : "\(socket.address)")
        }
        return bound
    }

    /// Stops to listen, and closes all connections.
    func close(_ bound: Bound) async {
        for socket in bound.sockets { try? await socket.close() }
        await connections.close()
    }

    private func listener(
        _ address: ListenAddress, _ initialize: @escaping @Sendable (any Channel, String) -> EventLoopFuture<Void>
    ) -> ConnectionListener {
        ConnectionListener(
            address: address, group: group, gate: gate, connections: connections, initialize: initialize)
    }

    private func http(_ address: ListenAddress) -> HTTPServer {
        let access = AccessControl(
            token: configuration.access.token, hosts: Set(configuration.access.hosts),
            isLocal: address.isLocal)
        return HTTPServer(
            hub: hub, access: access, limits: configuration.limits,
            router: RequestRouter(hub: hub, report: ServiceReport(hub: hub, gate: gate), files: files), tls: tls,
            connections: connections)
    }
}
