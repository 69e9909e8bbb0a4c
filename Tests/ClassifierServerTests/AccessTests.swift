internal import ClassifierServer
internal import NIOHTTP1
internal import Testing

/// A page of another site cannot use the service through a browser, by its own name or after DNS rebinding.
@Suite struct AccessTests {
    private func verdict(_ access: AccessControl, _ headers: [(String, String)]) -> AccessControl.Verdict {
        access.verdict(
            HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: HTTPHeaders(headers)), isPublic: true)
    }

    private func isAllowed(_ access: AccessControl, _ host: String, _ origin: String? = nil) -> Bool {
        verdict(access, [("Host", host)] + (origin.map { [("Origin", $0)] } ?? [])) == .allowed
    }

    private let local = AccessControl(token: nil, hosts: ["ear.example"], isLocal: true)

    @Test func ownPagesAreAllowed() {
        #expect(verdict(local, []) == .allowed, "a client that is no browser may leave Host out")
        for host in [
            "127.0.0.1:8080", "127.0.0.1", "127.255.0.9:1", "localhost", "LOCALHOST:8080", "[::1]:8080", "[::1]",
            "[0:0:0:0:0:0:0:1]:80", "[::ffff:127.0.0.1]:8080", "[::FFFF:7f00:1]", "ear.example", "EAR.example:9",
        ] {
            #expect(isAllowed(local, host), "\(host)")
            #expect(isAllowed(local, host, "http://\(host)"), "\(host)")
            #expect(isAllowed(local, host, "https://\(host)"), "\(host)")
        }
    }

    /// Names that look like addresses of this machine belong to their owners.
    @Test func otherNamesAreRefused() {
        for host in [
            "evil.example", "127.evil.example", "127.0.0.1.nip.io", "127.0.0.1.evil.example:8080", "127.1", "127.cafe",
            "127.0.0", "127.0.0.1.", "127.0.0.01", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433",
            "017700000001",
            "127.0.0.256", "127.0.0.1@evil.example", "127.0.0.1:8080@evil.example", "localhost.evil.example",
            "localhost@evil.example", "evil.example#127.0.0.1", "evil.example/127.0.0.1", "127.0.0.1/", "127.0.0.1 ",
            "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80:80", "127.0.0.1:99999", "127.0.0.1:-1", "::1", "[::1", "[::2]",
            "[::1].evil.example", "[::1]evil", "[127.0.0.1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "0.0.0.0", "[::]",
            "10.0.0.1", "192.168.0.1:8080", "localhost,evil.example", "127\u{3002}0.0.1", "\u{FF11}27.0.0.1",
            "127.0.0.1\u{0}.evil.example", "loc\u{0131}lhost", "ear.example.evil.example", "xear.example",
        ] {
            #expect(!isAllowed(local, host), "\(host)")
            #expect(!isAllowed(local, host, "http://\(host)"), "\(host)")
        }
    }

    @Test func otherOriginsAreRefused() {
        for origin in [
            "http://evil.example", "http://localhost:9090", "http://localhost", "https://localhost", "null", "",
            "localhost:8080", "http://127.0.0.1:8080", "http://localhost:8080/", "http://evil.example/localhost:8080",
            "http://evil.example@localhost:8080", "http://localhost:8080@evil.example", "ftp://localhost:8080",
            "http://localhost:8080 http://evil.example", "chrome-extension://localhost:8080", "http:localhost:8080",
        ] { #expect(!isAllowed(local, "localhost:8080", origin), "\(origin)") }
        #expect(isAllowed(local, "localhost:8080", "http://localhost:8080"))
        #expect(verdict(local, [("Host", "localhost"), ("Host", "evil.example")]) != .allowed)
        let origins = [("Host", "localhost"), ("Origin", "http://localhost"), ("Origin", "http://evil.example")]
        #expect(verdict(local, origins) != .allowed)
        #expect(verdict(local, [("Origin", "http://evil.example")]) != .allowed, "an origin without a host")
    }

    /// Proxies pass on the name with its port, with the standard port, or alone.
    @Test func proxiesPassOnTheirName() {
        let page = "https://ear.example:8443"
        #expect(isAllowed(local, "ear.example:8443", page) && isAllowed(local, "ear.example", page))
        #expect(isAllowed(local, "ear.example:443", "https://ear.example"))
        #expect(isAllowed(local, "ear.example:80", "http://ear.example"))
        #expect(isAllowed(local, "ear.example", "https://ear.example:443"))
        #expect(
            !isAllowed(local, "ear.example:443", page) && !isAllowed(local, "ear.example:8443", "https://ear.example"))
        #expect(!isAllowed(local, "ear.example:443", "http://ear.example"))
        // A browser always sends the port of a local page, so that another port is another page.
        #expect(!isAllowed(local, "localhost", "http://localhost:3000"))
        #expect(!isAllowed(local, "127.0.0.1", "http://127.0.0.1:3000"))
        func forwarded(_ scheme: String, _ origin: String) -> Bool {
            verdict(local, [("Host", "ear.example"), ("Origin", origin), ("X-Forwarded-Proto", scheme)]) == .allowed
        }
        #expect(forwarded("https", "https://ear.example") && forwarded("HTTPS, http", "https://ear.example"))
        #expect(!forwarded("https", "http://ear.example") && !forwarded("http", "https://ear.example"))
    }

    /// A server for other machines checks names if it knows its own.
    @Test func otherMachinesUseNamesAndAddresses() {
        let named = AccessControl(token: nil, hosts: ["ear.example"], isLocal: false)
        for host in ["ear.example", "192.168.0.9:8080", "[fd00::1]", "localhost"] { #expect(isAllowed(named, host)) }
        #expect(!isAllowed(named, "evil.example"))
        let any = AccessControl(token: "0123456789abcdef", hosts: [], isLocal: false)
        #expect(isAllowed(any, "any.example") && !isAllowed(any, "any.example", "http://evil.example"))
    }

    @Test func listeningAddressesAreStandard() throws {
        for text in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1", "unix:/a", "127.9.8.7:1"] {
            #expect(try #require(ListenAddress(text)).isLocal, "\(text)")
        }
        for text in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:0.0.0.0]:1", "[fe80::1]:1"] {
            #expect(try !#require(ListenAddress(text)).isLocal, "\(text)")
        }
        for text in [
            "127.cafe:1", "127.1:1", "0:1", "0x7f.0.0.1:1", "0177.0.0.1:1", "2130706433:1", "127.0.0.1.:1", "[::1:1",
            "127.0.0.1@10.0.0.1:1", "127.evil.example:1", "[127.0.0.1:1", "127.0.0.1:65536", "127.0.0.1", "::g:1",
        ] { #expect(ListenAddress(text) == nil, "\(text)") }
    }
}
