internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Every example of docs/clients.md, run against the test's own service.
@Suite struct ServeClientTests {
    private static let package = Program.models.dropLast("/models".count)
    private static let recording = "/usr/share/sounds/alsa/Front_Left.wav"

    /// Returns the code after `<!-- client: NAME -->`.
    private func example(_ name: String) throws -> String {
        let text = try String(contentsOf: URL(filePath: "\(Self.package)/docs/clients.md"), encoding: .utf8)
        let marker = try #require(text.firstRange(of: "<!-- client: \(name) -->\n"), "\(name)")
        let block = text[marker.upperBound...]
        let start = try #require(block.firstRange(of: "\n"))
        let end = try #require(block.firstRange(of: "\n```\n"))
        return String(block[start.upperBound..<end.lowerBound])
    }

    private func has(_ programs: String...) -> Bool {
        programs.allSatisfy { FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)") }
    }

    private func run(_ code: String, _ server: Server, other: Server? = nil, program: String = "/bin/bash") throws
        -> Finished
    {
        var code = code
        for (address, port) in [
            ("127.0.0.1:8080", server.httpPort), ("127.0.0.1:8081", server.tcpPort),
            ("127.0.0.1:8082", other?.httpPort),
        ] {
            guard let port else { continue }
            // The port follows a colon or, for nc, a space.
            for separator in [":", " "] {
                let place = address.split(separator: ":").joined(separator: separator)
                code = code.split(separator: place, omittingEmptySubsequences: false)
                    .joined(separator: "127.0.0.1\(separator)\(port)")
            }
        }
        let strict = program == "/bin/bash" ? "set -euo pipefail\n" : ""
        return try ChildProcess(["-c", strict + code], program: program).wait()
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: recording), "needs Debian's alsa-utils"))
    func curl() throws {
        let server = try Server()
        let events = try run(try example("curl"), server)
        #expect(events.status == 0 && events.lines("event").contains { $0.contains("\"label\":\"left\"") }, "\(events)")
        let table = try run(try example("curl-csv"), server)
        #expect(table.lines.first == "file,seconds,rank,label,p,error" && table.lines.last?.contains(",left,") == true)
        let metrics = try run(try example("metrics"), server)
        #expect(metrics.status == 0 && metrics.output == "" && metrics.errors == "", "\(metrics)")
    }

    @Test(arguments: ["nc", "socat"])
    func rawSockets(name: String) throws {
        guard has(name) else {
            Issue.record("\(name) is not installed; make setup-tests installs it")
            return
        }
        let finished = try run(try example(name), try Server(hasTCP: true))
        #expect(
            finished.status == 0 && finished.lines("frame").count == 24 && finished.lines("end").count == 1,
            "\(finished)")
    }

    @Test func python() throws {
        let interpreters = ["/usr/bin/python3", "/usr/local/bin/python3"].filter { path in
            (try? ChildProcess(["-c", "import websockets"], program: path).wait().status) == 0
        }
        guard let python = interpreters.first else {
            Issue.record("Python has no websockets; make setup-tests installs python3-websockets")
            return
        }
        let finished = try run(try example("python"), try Server(), program: python)
        #expect(
            finished.status == 0 && finished.lines.contains("start left") && finished.lines.contains("end left"),
            "\(finished)")
    }

    @Test func state() throws {
        let (first, second) = (try Server(), try Server())
        let socket = try WebSocketClient(first, "/v1/stream?stream=door")
        try socket.send(Sound.raw(Sound.samples(16000)))
        while case .text(let text)? = try socket.receive(), !text.contains("\"frame\":23,") {}
        let folder = try TemporaryDirectory()
        let finished = try run("cd \(folder.path)\n" + (try example("state")), first, other: second)
        let state = try folder.read("door.state")
        #expect(finished.status == 0 && state.count > 10_000, "\(finished)")
        #expect(try second.request("GET", "/v1/streams/door/state").body == state)
    }

    @Test func mosquittoSub() throws {
        guard has("mosquitto_sub"), FileManager.default.isExecutableFile(atPath: "/usr/sbin/mosquitto") else {
            Issue.record("mosquitto is not installed; make setup-tests installs mosquitto and mosquitto-clients")
            return
        }
        let spare = try Server()
        let port = spare.httpPort
        _ = try spare.stop()
        let folder = try TemporaryDirectory()
        try folder.write(Array("listener \(port) 127.0.0.1\nallow_anonymous true\n".utf8), to: "broker.conf")
        let broker = try ChildProcess(["-c", "\(folder.path)/broker.conf", "-v"], program: "/usr/sbin/mosquitto")
        try broker.waitForErrors { $0.contains("running") }
        let server = try Server(["events.mqtt.host=127.0.0.1", "events.mqtt.port=\(port)"])
        let code = (try example("mosquitto_sub")).split(separator: "1883").joined(separator: "\(port)")
        let subscriber = try ChildProcess(["-c", "exec \(code)"], program: "/bin/bash")
        try subscriber.waitForOutput { $0.contains("audio-classifierd/availability online") }
        withExtendedLifetime((broker, server)) {}
    }
}
