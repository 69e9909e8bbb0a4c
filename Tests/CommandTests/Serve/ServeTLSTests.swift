internal import Foundation
internal import TestSupport
internal import Testing

/// TLS with certificates of openssl and curl as the client.
@Suite struct ServeTLSTests {
    private let folder: TemporaryDirectory
    private let certificates: Certificates

    init() throws {
        folder = try TemporaryDirectory()
        certificates = Certificates(folder: folder)
        try certificates.make("server")
    }

    private func settings(_ certificate: String = "server.pem", key: String = "server.key") -> [String] {
        ["tls.certificate=\(folder.path)/\(certificate)", "tls.key=\(folder.path)/\(key)"]
    }

    private func curl(_ server: Server, _ target: String, _ arguments: [String] = []) throws -> Finished {
        let address = "https://localhost:\(server.httpPort)\(target)"
        return try ChildProcess(
            ["-sS", "--max-time", "20", "--cacert", "\(folder.path)/server.pem"] + arguments + [address],
            program: "/usr/bin/curl"
        ).wait()
    }

    @Test func requestsAreAnswered() throws {
        let server = try Server(settings())
        #expect(server.child.errorsSoFar.contains("https://127.0.0.1:\(server.httpPort)/"))
        #expect(try curl(server, "/healthz").output.contains("\"ok\":true"))
        #expect(try curl(server, "/").output.contains("<title>audio-classifierd</title>"))
        try folder.write(Sound.raw(Sound.samples(16000)), to: "a.raw")
        let file = try curl(
            server, "/v1/classify?sample_format=s16le&rate=16000", ["--data-binary", "@\(folder.path)/a.raw"])
        #expect(file.output.contains("\"type\":\"summary\""))
        let old = try curl(server, "/healthz", ["--tls-max", "1.1"])
        #expect(old.status != 0 && old.output.isEmpty, "old versions are not spoken")
        // Clients that send plain HTTP or noise get no answer and disturb no other client.
        for words in ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}noise"] {
            let plain = try server.connect()
            try plain.send(Array(words.utf8))
            plain.finish()
            #expect(!String(decoding: try plain.receiveAll(), as: UTF8.self).contains("200 OK"))
        }
        #expect(try curl(server, "/healthz").status == 0)
        #expect(try server.stop().status == 0)
    }

    /// A client that does not answer the end of TLS delays a stop by a second at most, not by NIOSSL's five.
    @Test func silentClientDoesNotDelayAStop() throws {
        let server = try Server(settings())
        let client = try ChildProcess(
            [
                "-u", "-c",
                """
                import socket, ssl, time
                context = ssl.create_default_context(cafile="\(folder.path)/server.pem")
                address = ("127.0.0.1", \(server.httpPort))
                client = context.wrap_socket(socket.create_connection(address), server_hostname="localhost")
                client.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
                print(client.recv(15).decode())
                time.sleep(60)
                """,
            ], program: "/usr/bin/python3")
        try client.waitForOutput { $0.contains("200") }
        server.child.send(signal: SIGTERM)
        #expect(try server.child.wait(atMost: 4).status == 0)
        client.send(signal: SIGKILL)
    }

    @Test func wrongFilesAreNamed() throws {
        try certificates.make("other")
        try folder.write(Array("nothing".utf8), to: "empty.pem")
        try certificates.makeExpired("expired", key: "server")
        for (certificate, key, words) in [
            ("missing.pem", "server.key", ["missing.pem", "PEM"]), ("empty.pem", "server.key", ["empty.pem", "PEM"]),
            ("server.pem", "missing.key", ["missing.key", "no key"]),
            ("server.pem", "other.key", ["other.key", "is not that of the certificate"]),
            ("expired.pem", "server.key", ["expired.pem", "expired", "renew"]),
        ] {
            let arguments = settings(certificate, key: key) + ["listen.http=127.0.0.1:0"]
            let finished = try ChildProcess(["serve"] + arguments.flatMap { ["--set", $0] }).wait()
            #expect(finished.status == 78, "\(certificate) \(key): \(finished.errors)")
            for word in words { #expect(finished.errors.contains(word), "\(word) in \(finished.errors)") }
            let checked = try ChildProcess(["serve", "--check"] + arguments.flatMap { ["--set", $0] }).wait()
            #expect(checked.status == 78 && checked.errors == finished.errors)
        }
        let half = try ChildProcess(["serve", "--set", "tls.key=a.key"]).wait()
        #expect(half.status == 78 && half.errors.contains("belong together"))
    }

    /// A web hook over TLS verifies the certificate of its server.
    @Test func webHooksAreSecure() throws {
        let receiver = try ChildProcess(
            [
                "-u", "-c",
                """
                import http.server, ssl, sys
                class Handler(http.server.BaseHTTPRequestHandler):
                    def do_POST(self):
                        print(self.rfile.read(int(self.headers["Content-Length"])).decode())
                        self.send_response(204)
                        self.end_headers()
                    def log_message(self, *arguments): pass
                server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain("\(folder.path)/server.pem", "\(folder.path)/server.key")
                server.socket = context.wrap_socket(server.socket, server_side=True)
                print(server.server_port)
                server.serve_forever()
                """,
            ], program: "/usr/bin/python3")
        try receiver.waitForOutput { $0.contains("\n") }
        let port = receiver.outputSoFar.prefix { $0 != "\n" }
        for (host, isTrusted) in [("localhost", true), ("127.0.0.1", true), ("localhost", false)] {
            var settings = ["events.webhook.url=https://\(host):\(port)/events", "events.webhook.tries=1"]
            if isTrusted { settings.append("events.webhook.ca_file=\(folder.path)/server.pem") }
            let before = receiver.outputSoFar
            let server = try Server(settings)
            let socket = try WebSocketClient(
                server,
                "/v1/stream?emit=events&allow=yes&threshold=0.000000001&threshold_off=0.000000001&min_duration_ms=0")
            try socket.send(Sound.raw(Sound.samples(16000)))
            try socket.send(text: "{\"type\":\"end\"}")
            let events = try socket.receiveAll().texts("event")
            #expect(events.count == 2)
            if isTrusted {
                try receiver.waitForOutput {
                    $0.split(separator: "\n").count >= before.split(separator: "\n").count + 2
                }
            } else {
                try server.child.waitForErrors { $0.contains("an event was not accepted") }
                #expect(receiver.outputSoFar == before)
            }
            #expect(try server.stop().status == 0)
        }
    }
}
