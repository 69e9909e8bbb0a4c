package import NIOHTTP1

/// Checks tokens and origins of requests. A pure value: verdicts depend on the head of a request alone.
package struct AccessControl: Sendable {
    package enum Verdict: Equatable {
        case allowed
        /// The token is missing or wrong.
        case unauthorized
        /// The request comes from another site's page through a user's browser; the reason is a sentence.
        case forbidden(String)
    }

    /// The expected token; nil if none is needed.
    package let token: String?
    /// Names of this server for browsers, in lower case and without ports.
    package let hosts: Set<String>
    /// Whether only this machine can reach the server.
    package let isLocal: Bool

    package init(token: String?, hosts: Set<String>, isLocal: Bool) {
        self.token = token
        self.hosts = hosts
        self.isLocal = isLocal
    }

    /// Prefix of a WebSocket subprotocol that carries the token in hexadecimal digits. A browser cannot set other
    /// headers of a WebSocket, and a protocol's name allows few characters.
    package static let tokenProtocol = "bearer."
    package static let streamProtocol = "audio-classifierd"

    /// Returns the verdict about a request.
    /// - Parameter isPublic: whether the request needs no token.
    package func verdict(_ head: HTTPRequestHead, isPublic: Bool) -> Verdict {
        if let reason = foreignSite(head.headers) { return .forbidden(reason) }
        guard let token, !isPublic else { return .allowed }
        let given = Self.token(in: head.headers) ?? ""
        return Self.isEqual(Array(given.utf8), Array(token.utf8)) ? .allowed : .unauthorized
    }

    /// Returns the reason to refuse a request of another site's page, which a user's browser could send to the service.
    /// Such a request has another `Origin`, or, after DNS rebinding, a host name that is none of the server's.
    private func foreignSite(_ headers: HTTPHeaders) -> String? {
        let (hosts, origins) = (headers["Host"], headers["Origin"])
        guard hosts.count <= 1, origins.count <= 1 else { return "a request has one Host and one Origin at most" }
        let text = hosts.first ?? ""
        let host = Authority(text)
        guard host != nil || text.isEmpty else { return "the Host \"\(text)\" is no name or address with its port" }
        if let host, !isOwn(host) {
            return "\"\(host.name)\" is not a name of this server; access.hosts lists its names"
        }
        guard let origin = origins.first else { return nil }
        guard let host, isOwn(origin, host, forwardedScheme: headers.first(name: "X-Forwarded-Proto")) else {
            return "a page of \(origin) may not use this server"
        }
        return nil
    }

    /// Whether a host is one of this server's.
    private func isOwn(_ host: Authority) -> Bool {
        guard isLocal || !hosts.isEmpty else { return true }
        // No other site's page has an address of this machine as its host.
        return hosts.contains(host.name) || host.isLoopback || !isLocal && IPAddress(host.name) != nil
    }

    /// Whether a page's origin is the host of its request.
    private func isOwn(_ origin: String, _ host: Authority, forwardedScheme: String?) -> Bool {
        let ports = ["http": 80, "https": 443]
        guard let colon = origin.firstRange(of: "://"), let page = Authority(String(origin[colon.upperBound...])),
            let standard = ports[origin[..<colon.lowerBound].lowercased()], page.name == host.name
        else { return false }
        // A proxy that speaks TLS says by which scheme the page reached it.
        if let scheme = forwardedScheme?.split(separator: ",").first?.lowercased(), let port = ports[scheme],
            port != standard
        {
            return false
        }
        let port = page.port ?? standard
        if let own = host.port { return own == port }
        // A proxy may pass on the name alone. It is one of access.hosts then, never an address of this machine.
        return port == standard || hosts.contains(host.name)
    }

    private static func token(in headers: HTTPHeaders) -> String? {
        if let header = headers.first(name: "Authorization") {
            let words = header.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
            return String(words[1])
        }
        let digits = headers[canonicalForm: "Sec-WebSocket-Protocol"].first { $0.hasPrefix(tokenProtocol) }?
            .dropFirst(tokenProtocol.count)
        guard var digits, digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        while !digits.isEmpty {
            guard let byte = UInt8(digits.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            digits.removeFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Compares in a time that does not depend on the first difference.
    package static func isEqual(_ given: [UInt8], _ expected: [UInt8]) -> Bool {
        var difference: UInt8 = given.count == expected.count ? 0 : 1
        for index in expected.indices {
            difference |= expected[index] ^ (index < given.count ? given[index] : 0)
        }
        return difference == 0
    }
}
