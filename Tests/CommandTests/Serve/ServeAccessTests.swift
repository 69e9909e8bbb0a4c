internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// Secrets and sockets of `serve` stay its own.
@Suite struct ServeAccessTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func check(_ settings: [String]) throws -> Finished {
        try ChildProcess(["serve"] + settings.flatMap { ["--set", $0] }).wait()
    }

    /// A command of `sources` gets neither the settings with the token nor a descriptor of the service.
    @Test func commandsInheritNoSecret() throws {
        try folder.write(Array("file-token-0123456789\n".utf8), to: "token")
        let command =
            "cd \(folder.path); ls /proc/self/fd >descriptors; env >partial; mv partial variables; exec sleep 9"
        try folder.write(
            Array("sources:\n- {name: spy, command: [sh, -c, \"\(command)\"]}\n".utf8), to: "serve.yaml")
        let server = try Server(
            arguments: ["--config", "\(folder.path)/serve.yaml"],
            environment: [
                "AUDIO_CLASSIFIERD_ACCESS_TOKEN": "topsecret-abcdefgh",
                "AUDIO_CLASSIFIERD_ACCESS_TOKEN_FILE": "\(folder.path)/token",
                "AUDIO_CLASSIFIERD_EVENTS_WEBHOOK_URL": "http://127.0.0.1:9/?key=topsecret",
                "CREDENTIALS_DIRECTORY": "/run/credentials/ear", "NOTIFY_SOCKET": "/nonexistent/notify",
                "OWN_SETTING": "kept",
            ])
        for _ in 0..<6000 where !FileManager.default.fileExists(atPath: "\(folder.path)/variables") { usleep(10_000) }
        let variables = String(decoding: try folder.read("variables"), as: UTF8.self)
        for kept in ["OWN_SETTING=kept\n", "PATH=", "AUDIO_CLASSIFIERD_MODELS=\(Program.models)\n"] {
            #expect(variables.contains(kept), "\(kept)")
        }
        for secret in ["secret", "TOKEN", "token", "WEBHOOK", "redentials", "NOTIFY"] {
            #expect(!variables.contains(secret), "\(secret)")
        }
        // The fourth descriptor is the folder that ls reads.
        #expect(String(decoding: try folder.read("descriptors"), as: UTF8.self) == "0\n1\n2\n3\n")
        #expect(try server.stop().status == 0)
    }

    /// A service that stops removes its own socket, and no file that has taken its place.
    @Test func otherFilesAtTheSocketsPathStay() throws {
        let path = "\(folder.path)/own.sock"
        let first = try Server(unixPath: path)
        #expect(try first.stop().status == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
        let second = try Server(unixPath: path)
        #expect(unsafe unlink(path) == 0)
        try folder.write(Array("precious".utf8), to: "own.sock")
        #expect(try second.stop().status == 0)
        #expect(try folder.read("own.sock") == Array("precious".utf8))
    }

    /// A service does not take the socket of a running one, and replaces that of a killed one.
    @Test func runningServiceKeepsItsSocket() throws {
        let path = "\(folder.path)/pcm.sock"
        let first = try Server(unixPath: path)
        for settings in [["listen.http=off", "listen.unix=unix:\(path)"], ["listen.http=unix:\(path)"]] {
            let second = try check(settings)
            #expect(second.status == 69 && second.errors.contains("another program listens there"), "\(second)")
        }
        let raw = Sound.raw(Sound.samples(16_000))
        func isServed() throws -> Bool {
            let socket = try Socket(path: path)
            try socket.send(raw)
            socket.finish()
            return String(decoding: try socket.receiveAll(), as: UTF8.self).contains("\"type\":\"end\"")
        }
        #expect(try isServed())
        first.child.send(signal: SIGKILL)
        _ = try first.child.wait()
        #expect(FileManager.default.fileExists(atPath: path))
        let next = try Server(unixPath: path)
        #expect(try isServed())
        #expect(try next.stop().status == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
        try folder.write(Array("data".utf8), to: "pcm.sock")
        let file = try check(["listen.http=off", "listen.unix=unix:\(path)"])
        #expect(file.status == 69 && file.errors.contains("no socket"), "\(file)")
        #expect(String(decoding: try folder.read("pcm.sock"), as: UTF8.self) == "data")
    }

    /// Short tokens, wrong names and wrong addresses are refused before the service starts.
    @Test(arguments: [
        "access.token=x", "access.token= ", "access.token=0123456789abcde", "access.hosts=https://ear.example",
        "access.hosts=ear.example:8443", "access.hosts=a@b", "listen.http=127.cafe:8080", "listen.http=127.1:8080",
    ])
    func wrongAccessIsRefused(setting: String) throws {
        let finished = try check([setting])
        #expect(finished.status == 78 && finished.errors.contains("--set \(setting.prefix { $0 != "=" }): "))
    }

    /// A client that offers cipher suites without forward secrecy alone gets no connection.
    @Test func cipherSuitesHaveForwardSecrecy() throws {
        try Certificates(folder: folder).make("server")
        let server = try Server([
            "tls.certificate=\(folder.path)/server.pem", "tls.key=\(folder.path)/server.key",
        ])
        func connects(_ arguments: String...) throws -> Bool {
            let finished = try ChildProcess(
                ["s_client", "-connect", "127.0.0.1:\(server.httpPort)", "-brief"] + arguments,
                program: "/usr/bin/openssl"
            ).wait()
            return finished.errors.contains("CONNECTION ESTABLISHED")
        }
        for cipher in ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "kRSA", "PSK"] {
            #expect(try !connects("-tls1_2", "-cipher", cipher), "\(cipher)")
        }
        for cipher in ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"] {
            #expect(try connects("-tls1_2", "-cipher", cipher), "\(cipher)")
        }
        #expect(try connects("-tls1_3") && !connects("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"))
        #expect(try server.stop().status == 0)
    }
}
