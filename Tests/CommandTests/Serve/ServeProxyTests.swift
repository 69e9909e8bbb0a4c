internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// The shipped example of a proxy with a real nginx, whose addresses and certificate are replaced.
@Suite(.enabled(if: Nginx.isInstalled, "needs Debian's nginx-light; make setup-tests installs it"))
struct ServeProxyTests {
    private let folder: TemporaryDirectory
    private let server: Server
    private let nginx: ChildProcess
    private let port: Int

    private enum Failure: Error { case noAnswer }

    init() throws {
        folder = try TemporaryDirectory()
        try Certificates(folder: folder).make("server")
        server = try Server(["access.hosts=localhost,ear.example"])
        let free = try Server()
        port = free.httpPort
        _ = try free.stop()
        nginx = try Nginx.start(folder, port: port, service: server.httpPort)
        for _ in 0..<600 where (try? Socket(port: port)) == nil { usleep(10_000) }
    }

    /// Returns the status and the body of a request to the proxy.
    private func curl(_ target: String, _ arguments: [String] = []) throws -> (status: String, body: String) {
        let finished = try ChildProcess(
            [
                "-s", "--cacert", "\(folder.path)/server.pem", "-w", "\n%{http_code}",
                "https://localhost:\(port)\(target)",
            ] + arguments, program: "/usr/bin/curl"
        ).wait()
        let lines = finished.output.split(separator: "\n", omittingEmptySubsequences: false)
        return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
    }

    /// Pages, files and uploads pass, under the root and under a path.
    @Test(arguments: ["/", "/audio/"])
    func requestsPass(prefix: String) throws {
        let own = ["-H", "Origin: https://localhost:\(port)"]
        #expect(try curl(prefix).body == server.request("GET", "/").text)
        for file in ["page.js", "page.css", "v1/streams"] {
            let reply = try curl(prefix + file, own)
            #expect(reply.status == "200", "\(file): \(reply)")
        }
        try folder.write(WaveFile(Sound.samples(16000)).bytes, to: "a.wav")
        let upload = try curl("\(prefix)v1/classify?emit=events", own + ["-F", "file=@\(folder.path)/a.wav"])
        #expect(upload.status == "200" && upload.body.contains("\"type\":\"end\""), "\(upload)")
        for origin in ["https://evil.example", "https://localhost:1", "http://localhost:\(port)", "null"] {
            #expect(try curl("\(prefix)v1/streams", ["-H", "Origin: \(origin)"]).status == "403", "\(origin)")
        }
        #expect(try curl("\(prefix)v1/streams", ["-H", "Host: evil.example"]).status == "403")
        #expect(try curl("/audio", []).status == "301")
    }

    /// A WebSocket passes in both directions.
    @Test(arguments: ["/", "/audio/"])
    func webSocketsPass(prefix: String) throws {
        let program = """
            import asyncio, json, ssl, sys, websockets
            async def main():
                context = ssl.create_default_context(cafile=sys.argv[1])
                url = sys.argv[2] + "v1/stream?emit=frames&every=10"
                async with websockets.connect(url, ssl=context, origin=sys.argv[3]) as socket:
                    for _ in range(25): await socket.send(bytes(1280))
                    await socket.send(json.dumps({"type": "end"}))
                    print([json.loads(text)["type"] async for text in socket])
            asyncio.run(main())
            """
        func connect(_ origin: String) throws -> Finished {
            try ChildProcess(
                ["-c", program, "\(folder.path)/server.pem", "wss://localhost:\(port)\(prefix)", origin],
                program: "/usr/bin/python3"
            ).wait()
        }
        let own = try connect("https://localhost:\(port)")
        #expect(own.output == "['start', 'frame', 'frame', 'frame', 'end']\n", "\(own)")
        let other = try connect("https://evil.example")
        #expect(other.status != 0 && other.errors.contains("403"), "\(other)")
    }
}

/// A proxy of Debian's package nginx-light.
private enum Nginx {
    private static let program = "/usr/sbin/nginx"
    static let isInstalled = FileManager.default.isExecutableFile(atPath: program)

    /// Starts the example of `deploy/` in a folder.
    static func start(_ folder: TemporaryDirectory, port: Int, service: Int) throws -> ChildProcess {
        var example = String(
            decoding: try Data(contentsOf: URL(filePath: "\(Program.models)/../deploy/nginx.conf")), as: UTF8.self)
        let letsEncrypt = "/etc/letsencrypt/live/ear.example"
        for (old, new) in [
            ("listen 443 ssl", "listen 127.0.0.1:\(port) ssl"), ("server_name ear.example", "server_name localhost"),
            ("\(letsEncrypt)/fullchain.pem", "\(folder.path)/server.pem"),
            ("\(letsEncrypt)/privkey.pem", "\(folder.path)/server.key"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:\(service)"),
        ] {
            let parts = example.split(separator: old, omittingEmptySubsequences: false)
            try #require(parts.count > 1, "\(old) is in deploy/nginx.conf")
            example = parts.joined(separator: new)
        }
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "\($0)_temp_path \(folder.path)/\($0);\n"
        }.joined()
        let whole = """
            user root;
            daemon off;
            master_process off;
            pid \(folder.path)/nginx.pid;
            error_log stderr;
            events {}
            http {
            access_log off;
            \(temporary)\(example)
            }
            """
        try folder.write(Array(whole.utf8), to: "nginx.conf")
        return try ChildProcess(["-p", folder.path, "-c", "\(folder.path)/nginx.conf"], program: program)
    }
}
