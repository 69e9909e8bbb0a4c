internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// After SIGHUP new connections use a renewed certificate, and an unusable certificate is ignored.
@Suite struct ServeTLSReloadTests {
    private let folder: TemporaryDirectory
    private let certificates: Certificates
    private static let raw = Sound.raw(Sound.samples(64_000))

    init() throws {
        folder = try TemporaryDirectory()
        certificates = Certificates(folder: folder)
        for name in ["first", "second", "third"] { try certificates.make(name) }
        try install("first")
    }

    /// Copies files to the configured paths.
    private func install(_ certificate: String, key: String? = nil) throws {
        try folder.write(folder.read("\(certificate).pem"), to: "server.pem")
        try folder.write(folder.read("\(key ?? certificate).key"), to: "server.key")
    }

    private func configure(_ name: String) throws {
        let yaml = """
            tls: {certificate: \(folder.path)/\(name).pem, key: \(folder.path)/\(name).key}
            limits: {idle_seconds: 120}

            """
        try folder.write(Array(yaml.utf8), to: "serve.yaml")
    }

    private func start() throws -> Server {
        try configure("server")
        return try Server(arguments: ["--config", "\(folder.path)/serve.yaml"])
    }

    private func reload(_ server: Server, _ text: String) throws {
        let before = server.child.errorsSoFar.ranges(of: text).count
        server.child.send(signal: SIGHUP)
        try server.child.waitForErrors { $0.ranges(of: text).count > before }
    }

    /// Whether a new connection gets the certificate, the only one that curl trusts.
    private func isServed(_ name: String, by server: Server) throws -> Bool {
        let finished = try ChildProcess(
            [
                "-sS", "--max-time", "20", "--cacert", "\(folder.path)/\(name).pem",
                "https://localhost:\(server.httpPort)/healthz",
            ], program: "/usr/bin/curl"
        ).wait()
        return finished.status == 0 && finished.output.contains("\"ok\":true")
    }

    /// An open TLS connection through socat.
    private func connect(_ server: Server, trusting name: String) throws -> ChildProcess {
        try ChildProcess(
            [
                "s_client", "-quiet", "-verify_return_error", "-CAfile", "\(folder.path)/\(name).pem", "-connect",
                "localhost:\(server.httpPort)",
            ], input: .pipe, program: "/usr/bin/openssl")
    }

    @Test func newConnectionsGetTheNewCertificate() throws {
        let server = try start()
        #expect(try isServed("first", by: server))
        // One connection is in the middle of a file, one between two requests.
        let upload = try connect(server, trusting: "first")
        let target = "/v1/classify?emit=frames&sample_format=s16le&rate=16000&stream=upload"
        try upload.write(
            Array(
                ("POST \(target) HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                    + "Content-Length: \(Self.raw.count)\r\n\r\n")
                    .utf8))
        try upload.waitForOutput { $0.contains("100 Continue") }
        try upload.write(Array(Self.raw[..<50_000]))
        let asking = try connect(server, trusting: "first")
        let request = Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        try asking.write(request)
        try asking.waitForOutput { $0.contains("\"ok\":true") }

        try install("second")
        try reload(server, "new connections get the new certificate, which is valid until 20")
        #expect(try isServed("second", by: server))
        #expect(try !isServed("first", by: server))
        try asking.write(request)
        try asking.waitForOutput { $0.ranges(of: "\"ok\":true").count == 2 }
        try upload.write(Array(Self.raw[50_000...]))
        let frames = try Program.run(["run", "-", "--input-format", "raw", "--source-name", "upload"], input: Self.raw)
            .lines("frame")
        try upload.waitForOutput { $0.ranges(of: "\"type\":\"frame\"").count == frames.count }
        for frame in frames { #expect(upload.outputSoFar.contains(frame)) }

        // Other certificate files take effect at once, and a reload without a new certificate logs none.
        try configure("third")
        try reload(server, "the configuration is reloaded")
        #expect(try isServed("third", by: server))
        try reload(server, "the configuration is reloaded")
        #expect(server.child.errorsSoFar.ranges(of: "new connections get the new certificate").count == 2)
        #expect(!server.child.errorsSoFar.contains("has changed, and takes effect"))
        #expect(try server.stop().status == 0)
    }

    @Test func badFilesChangeNothing() throws {
        try certificates.makeExpired("expired", key: "second")
        try folder.write(Array("nothing".utf8), to: "garbage.pem")
        try folder.write(Array("nothing".utf8), to: "garbage.key")
        let server = try start()
        for (certificate, key, words) in [
            ("garbage", "second", "server.pem: no certificate can be read; expected a PEM file"),
            ("second", "garbage", "server.key: no key can be read; expected a PEM file without a passphrase"),
            ("second", "third", "expected a matching pair"),
            ("expired", "second", "the certificate has expired; renew it, then start or reload the service"),
        ] {
            try install(certificate, key: key)
            try reload(server, "the configuration is not reloaded: \(folder.path)/server.")
            #expect(server.child.errorsSoFar.contains(words), "\(server.child.errorsSoFar)")
            #expect(try isServed("first", by: server), "\(certificate) \(key)")
        }
        try FileManager.default.removeItem(atPath: "\(folder.path)/server.pem")
        try reload(server, "the configuration is not reloaded: \(folder.path)/server.pem")
        #expect(try isServed("first", by: server))
        try install("second")
        try reload(server, "the configuration is reloaded")
        #expect(try isServed("second", by: server))
        // A listener keeps speaking TLS or plain HTTP until a restart.
        try folder.write(Array("limits: {idle_seconds: 120}\n".utf8), to: "serve.yaml")
        try reload(server, "the configuration is reloaded")
        #expect(server.child.errorsSoFar.contains("tls.certificate has changed, and takes effect after"))
        #expect(try isServed("second", by: server))
        #expect(try server.stop().status == 0)
    }
}
