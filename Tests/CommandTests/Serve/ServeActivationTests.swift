internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// `serve` on sockets of systemd-socket-activate.
@Suite struct ServeActivationTests {
    private static let tool = "/usr/bin/systemd-socket-activate"
    private static let hasTool = FileManager.default.isExecutableFile(atPath: tool)

    /// Returns different ports that were free a moment ago.
    private func freePorts(_ count: Int) throws -> [Int] {
        let servers = try (0..<count).map { _ in try Server() }
        let ports = servers.map(\.httpPort)
        for server in servers { _ = try server.stop() }
        return ports
    }

    private func activate(_ addresses: [String], names: String?, _ settings: [String] = []) throws -> ChildProcess {
        var arguments = addresses.flatMap { ["-l", $0] }
        if let names { arguments.append("--fdname=\(names)") }
        arguments += [
            "-E", "AUDIO_CLASSIFIERD_MODELS=\(Program.models)", "-E", "AUDIO_CLASSIFIERD_MODEL=\(Program.model)",
            Program.path, "serve",
        ]
        let child = try ChildProcess(arguments + settings.flatMap { ["--set", $0] }, program: Self.tool)
        try child.waitForErrors { $0.ranges(of: "Listening on").count == addresses.count }
        return child
    }

    /// The client that starts the service is served, and so are later ones; the sockets replace configured addresses.
    @Test(.enabled(if: hasTool, "needs systemd-socket-activate of Debian's systemd"))
    func socketsAreTakenOver() throws {
        let ports = try freePorts(2)
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/pcm.sock"
        let child = try activate(
            ["127.0.0.1:\(ports[0])", "127.0.0.1:\(ports[1])", path], names: "http:tcp:unix",
            ["listen.http=127.0.0.1:1", "listen.unix=off"])
        let first = try Socket(port: ports[0])
        try first.send(
            Array("GET /v1/streams HTTP/1.1\r\nHost: 127.0.0.1:\(ports[0])\r\nConnection: close\r\n\r\n".utf8))
        let reply = try Reply(try first.receiveAll())
        #expect(reply.status == 200 && reply.text == "[]\n")
        let raw = Sound.raw(Sound.samples(16_000))
        for name in ["tcp~1", "unix~2"] {
            let socket = try name == "tcp~1" ? Socket(port: ports[1]) : Socket(path: path)
            try socket.send(raw)
            socket.finish()
            let lines = String(decoding: try socket.receiveAll(), as: UTF8.self).split(separator: "\n")
            #expect(lines.last == "{\"type\":\"end\",\"v\":1,\"stream\":\"\(name)\",\"frames\":24,\"dropped\":0}")
        }
        child.send(signal: SIGTERM)
        #expect(try child.wait(atMost: 20).status == 0)
        #expect(FileManager.default.fileExists(atPath: path), "the creator of a socket removes it")
    }

    /// A single unnamed socket is for HTTP, and wrong names are refused.
    @Test(.enabled(if: hasTool, "needs systemd-socket-activate of Debian's systemd"))
    func namesAndAddressesAreChecked() throws {
        let ports = try freePorts(2)
        func finished(_ addresses: [String], _ names: String?) throws -> Finished {
            let child = try activate(addresses, names: names)
            _ = try Socket(port: ports[0])
            return try child.wait()
        }
        let everybody = try finished(["0.0.0.0:\(ports[0])"], nil)
        #expect(everybody.status == 78 && everybody.errors.contains("access.token_file"), "\(everybody)")
        let tcp = try finished(["0.0.0.0:\(ports[0])", "127.0.0.1:\(ports[1])"], "tcp:http")
        #expect(tcp.status == 78 && tcp.errors.contains("raw PCM cannot carry a token"), "\(tcp)")
        let twice = try finished(["127.0.0.1:\(ports[0])", "127.0.0.1:\(ports[1])"], "http:http")
        #expect(twice.status == 78 && twice.errors.contains("FileDescriptorName="), "\(twice)")
    }
}
