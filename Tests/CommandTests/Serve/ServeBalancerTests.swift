internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The shipped example of HAProxy in front of two services with one folder of states.
@Suite(.enabled(if: Balancer.isInstalled, "needs Debian's haproxy; make setup-tests installs it"))
struct ServeBalancerTests {
    private let folder: TemporaryDirectory
    private let services: [Server]
    private let balancer: ChildProcess
    private let port: Int
    private enum Failure: Error { case noStart }

    private static let raw = Sound.raw(Sound.samples(64_000))

    init() throws {
        folder = try TemporaryDirectory()
        let settings = ["state.folder=\(folder.path)/states", "state.every_seconds=0.1"]
        services = [try Server(settings), try Server(settings)]
        let free = try Server()
        port = free.httpPort
        _ = try free.stop()
        balancer = try Balancer.start(folder, port: port, services: services.map(\.httpPort))
        for _ in 0..<600 where try status("/readyz") != 200 { usleep(10_000) }
    }

    /// Returns the status of a request to the balancer; nil if it does not listen.
    private func status(_ target: String) throws -> Int? {
        guard let socket = try? Socket(port: port) else { return nil }
        try socket.send(Array("GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8))
        return try Reply(try socket.receiveAll()).status
    }

    private func services(of stream: String) throws -> [Server] {
        try services.filter { try $0.request("GET", "/v1/streams/\(stream)").status == 200 }
    }

    /// Receives records until one fulfils the condition.
    private func receive(_ socket: WebSocketClient, _ frames: inout [String], until isLast: (String) -> Bool) throws {
        while let message = try socket.receive() {
            guard case .text(let text) = message else { continue }
            if text.hasPrefix("{\"type\":\"frame\",") { frames.append(text) }
            if isLast(text) { return }
        }
        Issue.record("the connection ended after \(frames.count) frames")
    }

    /// A killed service's client goes on at the other one within three seconds, with the frames of an uninterrupted
    /// stream.
    @Test func clientsGoOnAtTheOtherService() throws {
        let whole = try Program.run(
            ["run", "-", "--input-format", "raw", "--source-name", "mic"], input: Self.raw
        ).lines("frame")
        var frames: [String] = []
        let socket = try WebSocketClient(port: port, "/v1/stream?stream=mic")
        try socket.send(Array(Self.raw[..<40_000]))
        try receive(socket, &frames) { $0.contains("\"frame\":29,") }
        let first = try #require(try services(of: "mic").first)
        // There may be a state from before the first sample.
        let (state, heard) = ("\(folder.path)/states/mic.state", Date())
        for _ in 0..<600 {
            let saved = try? FileManager.default.attributesOfItem(atPath: state)[.modificationDate] as? Date
            if let saved, saved > heard { break }
            usleep(10_000)
        }
        try socket.send(Array(Self.raw[40_000..<60_001]))
        first.child.send(signal: SIGKILL)
        let killed = ContinuousClock.now
        _ = try first.child.wait()
        while case .text(let text)? = try socket.receive() {
            if text.hasPrefix("{\"type\":\"frame\",") { frames.append(text) }
        }
        #expect(frames == Array(whole.prefix(frames.count)))

        let next = try WebSocketClient(port: port, "/v1/stream?stream=mic&resume=true")
        guard case .text(let text)? = try next.receive() else { throw Failure.noStart }
        #expect(ContinuousClock.now - killed < .seconds(3))
        let start = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        let sample = Int(start["sample"]?.number ?? 0)
        #expect(start["resumed"] == .bool(true) && sample > 0)
        #expect(try services.last { $0 !== first }?.request("GET", "/v1/streams/mic").status == 200)
        try next.send(Array(Self.raw[(2 * sample)...]))
        try next.send(text: "{\"type\":\"end\"}")
        let rest = try next.receiveAll().texts("frame")
        #expect(rest == whole.suffix(rest.count) && frames.count + rest.count >= whole.count)
    }

    /// A stream and the requests about it meet at one service, and both services get streams. A service that is full
    /// gets no more.
    @Test func namesChooseTheService() throws {
        let names = (0..<8).map { "mic\($0)" }
        let sockets = try names.map { try WebSocketClient(port: port, "/v1/stream?stream=\($0)") }
        var counts = services.map { _ in 0 }
        for (name, socket) in zip(names, sockets) {
            guard case .text? = try socket.receive() else { throw Failure.noStart }
            let (here, reply) = (try services(of: name), try status("/v1/streams/\(name)"))
            #expect(here.count == 1 && reply == 200)
            for index in services.indices where here.first === services[index] { counts[index] += 1 }
        }
        #expect(!counts.contains(0), "\(counts)")
    }

    /// A service that is stopped properly hands its clients over, too: `/readyz` is 503 before it ends.
    @Test func stoppedServiceGetsNoRequests() throws {
        #expect(try services[0].stop().status == 0)
        for index in 0..<20 { #expect(try status(index % 2 == 0 ? "/v1/streams" : "/readyz") == 200) }
    }
}

/// A balancer of Debian's package haproxy.
private enum Balancer {
    private static let program = "/usr/sbin/haproxy"
    static let isInstalled = FileManager.default.isExecutableFile(atPath: program)

    /// Starts the example of `deploy/`, without TLS, with these ports.
    static func start(_ folder: TemporaryDirectory, port: Int, services: [Int]) throws -> ChildProcess {
        var example = String(
            decoding: try Data(contentsOf: URL(filePath: "\(Program.models)/../deploy/haproxy.cfg")), as: UTF8.self)
        for (old, new) in [
            ("bind :443 ssl crt /etc/haproxy/ear.example.pem alpn http/1.1", "bind 127.0.0.1:\(port)"),
            ("server one 127.0.0.1:8081", "server one 127.0.0.1:\(services[0])"),
            ("server two 127.0.0.1:8082", "server two 127.0.0.1:\(services[1])"),
        ] {
            try #require(example.contains(old), "\(old) is in deploy/haproxy.cfg")
            example.replace(old, with: new)
        }
        try folder.write(Array(example.utf8), to: "haproxy.cfg")
        return try ChildProcess(["-db", "-f", "\(folder.path)/haproxy.cfg"], program: program)
    }
}
