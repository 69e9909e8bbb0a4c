internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// After SIGHUP new streams use the new configuration, and a wrong configuration is ignored.
@Suite struct ServeReloadTests {
    private let folder: TemporaryDirectory
    private static let raw = Sound.raw(Sound.samples(32_000))

    init() throws { folder = try TemporaryDirectory() }

    private var arguments: [String] { ["--config", "\(folder.path)/serve.yaml"] }

    private func configure(_ yaml: String) throws { try folder.write(Array(yaml.utf8), to: "serve.yaml") }

    private func start(_ socket: WebSocketClient) throws -> JSONValue {
        guard case .text(let text)? = try socket.receive() else { return .null }
        return try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    /// Reloads, and waits for the `count`-th message about success or failure.
    private func reload(_ server: Server, _ text: String = "the configuration is reloaded", count: Int = 1) throws {
        server.child.send(signal: SIGHUP)
        try server.child.waitForErrors { $0.ranges(of: text).count == count }
    }

    private func install(_ model: String) throws {
        let target = "\(folder.path)/model"
        if FileManager.default.fileExists(atPath: target) { try FileManager.default.removeItem(atPath: target) }
        try FileManager.default.copyItem(atPath: "\(Program.models)/\(model)", toPath: target)
    }

    /// A model's files are replaced, and a running stream keeps the old model to its end.
    @Test func modelsAreReplaced() throws {
        try install("keywords-en")
        try configure("model: \(folder.path)/model\n")
        let server = try Server(arguments: arguments, environment: ["AUDIO_CLASSIFIERD_MODEL": ""])
        let old = try WebSocketClient(server, "/v1/stream?stream=old")
        #expect(try start(old)["model"] == "keywords-en")
        try old.send(Array(Self.raw[..<20_000]))
        try install("keywords-ar")
        try reload(server)
        let new = try WebSocketClient(server, "/v1/stream?stream=new")
        #expect(try start(new)["model"] == "keywords-ar")
        try old.send(Array(Self.raw[20_000...]))
        try new.send(Self.raw)
        for socket in [old, new] { try socket.send(text: "{\"type\":\"end\"}") }
        for (socket, model) in [(old, "keywords-en"), (new, "keywords-ar")] {
            let name = model == "keywords-en" ? "old" : "new"
            let run = try Program.run(
                ["run", "-", "--model", model, "--input-format", "raw", "--source-name", name], input: Self.raw)
            #expect(try socket.receiveAll().texts("frame") == run.lines("frame"), "\(model)")
        }
        // A damaged model is refused before any stream uses it.
        try Data("{".utf8).write(to: URL(filePath: "\(folder.path)/model/config.json"))
        try reload(server, "the configuration is not reloaded: ")
        let last = try WebSocketClient(server, "/v1/stream")
        #expect(try start(last)["model"] == "keywords-ar")
        #expect(try server.stop().status == 0)
    }

    /// A pipe without a writer and a device without an end are refused, and the service goes on.
    @Test func aConfigurationThatDoesNotEndIsRefused() throws {
        try configure("model: keywords-en\n")
        let server = try Server(arguments: arguments, environment: ["AUDIO_CLASSIFIERD_MODEL": ""])
        let file = "\(folder.path)/serve.yaml"
        try FileManager.default.removeItem(atPath: file)
        #expect(unsafe mkfifo(file, 0o600) == 0)
        try reload(server, "nothing came within 5 seconds")
        try FileManager.default.removeItem(atPath: file)
        #expect(unsafe symlink("/dev/zero", file) == 0)
        try reload(server, "it has more than 16 MiB")
        try FileManager.default.removeItem(atPath: file)
        try configure("model: keywords-ar\n")
        try reload(server)
        #expect(try start(WebSocketClient(server, "/v1/stream"))["model"] == "keywords-ar")
        #expect(try server.stop().status == 0)
    }

    /// The cost of a new model is measured before its first stream.
    @Test func newModelsAreMeasured() throws {
        let settings = ["capacity.load=0.05", "capacity.threads=1"]
        try install("keywords-en")
        try configure("model: \(folder.path)/model\n")
        let server = try Server(settings, arguments: arguments, environment: ["AUDIO_CLASSIFIERD_MODEL": ""])
        let large = try Server(settings, environment: ["AUDIO_CLASSIFIERD_MODEL": "general"])
        let speeds = (
            small: try server.metric("realtime_factor"), large: try large.metric("realtime_factor")
        )
        try #require(speeds.large < speeds.small / 2, "general is the larger model")
        let count = try admitted(by: large)
        let running = try WebSocketClient(server, "/v1/stream?stream=running")
        #expect(try start(running)["model"] == "keywords-en")
        try running.send(Array(Self.raw[..<20_000]))
        try install("general")
        try reload(server)
        let after = try admitted(by: server)
        #expect((count / 2...count * 3 / 2).contains(after), "\(after) after a reload, \(count) after a start")
        try running.send(Array(Self.raw[20_000...]))
        try running.send(text: "{\"type\":\"end\"}")
        let run = try Program.run(
            ["run", "-", "--input-format", "raw", "--source-name", "running"], input: Self.raw)
        #expect(try running.receiveAll().texts("frame") == run.lines("frame"))
        for _ in 0..<500 {
            if try server.metric("streams") == 0 { break }
            usleep(20_000)
        }
        let speed = try server.metric("realtime_factor")
        #expect((speeds.large / 2...speeds.large * 2).contains(speed), "\(speed) for \(speeds.large)")
        try install("keywords-en")
        try reload(server, count: 2)
        #expect(try server.metric("realtime_factor") > speeds.small / 2)
        #expect(try server.stop().status == 0)
    }

    /// Returns the number of admitted streams before the first refusal, and ends them.
    private func admitted(by server: Server) throws -> Int {
        var sockets: [WebSocketClient] = []
        while sockets.count < 200 {
            do { sockets.append(try WebSocketClient(server, "/v1/stream")) } catch let refused
                as WebSocketClient.Refused
            {
                #expect(refused.reply.text.contains("\"code\":\"capacity\""))
                break
            }
        }
        return sockets.count
    }

    @Test func settingsAreReplaced() throws {
        try configure("streams: {emit: frames}\n")
        let server = try Server(arguments: arguments)
        let old = try WebSocketClient(server, "/v1/stream?stream=old")
        try configure("streams: {emit: frames, every: 5}\nlimits: {idle_seconds: 3}\nlisten: {tcp: \"127.0.0.1:1\"}\n")
        try reload(server)
        for key in ["limits.idle_seconds", "listen.tcp"] {
            #expect(server.child.errorsSoFar.contains("\(key) has changed, and takes effect after"), "\(key)")
        }
        #expect(!server.child.errorsSoFar.contains("streams.every has changed"))
        let new = try WebSocketClient(server, "/v1/stream?stream=new")
        try configure("streams: {emit: frames, evry: 5}\n")
        try reload(server, "serve.yaml:1: unknown key \"streams.evry\"")
        #expect(server.child.errorsSoFar.contains("the service keeps the old one"))
        for (socket, count) in [(old, 49), (new, 10)] {
            try socket.send(Self.raw)
            try socket.send(text: "{\"type\":\"end\"}")
            #expect(try socket.receiveAll().texts("frame").count == count)
        }
        #expect(try server.stop().status == 0)
    }

    /// Sources start, end and restart with the configuration; an unchanged source keeps running.
    @Test func sourcesFollowTheConfiguration() throws {
        func source(_ name: String, _ device: String) -> String {
            "  - {name: \(name), command: [sh, -c, \"echo \(name) \(device) runs >&2; exec cat \(device)\"]}\n"
        }
        try configure("sources:\n" + source("a", "/dev/zero") + source("b", "/dev/zero"))
        let server = try Server(arguments: arguments)
        func wait(_ name: String, _ status: Int) throws {
            for _ in 0..<3000 {
                if try server.request("GET", "/v1/streams/\(name)").status == status { return }
                usleep(20_000)
            }
            Issue.record("\(name) never has the status \(status)")
        }
        try wait("a", 200)
        try wait("b", 200)
        try configure("sources:\n" + source("a", "/dev/zero") + source("c", "/dev/zero"))
        try reload(server)
        try wait("b", 404)
        try wait("c", 200)
        try configure("sources:\n" + source("a", "/dev/zero") + source("c", "/dev/zero -"))
        try reload(server, count: 2)
        try server.child.waitForErrors { $0.contains("c /dev/zero - runs") }
        #expect(server.child.errorsSoFar.ranges(of: "a /dev/zero runs").count == 1)
        try wait("a", 200)
        #expect(try server.stop().status == 0)
    }
}
