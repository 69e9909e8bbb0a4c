internal import AudioClassifier

extension ServeConfiguration.Listening {
    /// Checks the relations between the addresses, and the access to each: one that other machines can reach needs a
    /// token.
    /// - Parameter origins: the origins of the settings, by path.
    func check(hasToken: Bool, origins: [String: String] = [:]) throws(ClassifierError) {
        func wrong(_ key: String, _ message: String) -> ClassifierError {
            let place = origins["listen.\(key)"].map { "\($0): " } ?? ""
            return ClassifierError(.configuration, code: "configuration", "\(place)listen.\(key) is \(message)")
        }
        if let http, !http.isLocal, !hasToken {
            throw wrong(
                "http",
                "\(http), which other machines can reach; set access.token_file, or listen on 127.0.0.1")
        }
        if let tcp, !tcp.isLocal {
            throw wrong(
                "tcp",
                "\(tcp), which other machines can reach, and raw PCM cannot carry a token; "
                    + "listen on 127.0.0.1, and let others use the WebSocket of listen.http")
        }
        if let unix, case .network = unix { throw wrong("unix", "\(unix); expected unix:PATH or off") }
        let all = [("http", http), ("tcp", tcp), ("unix", unix)]
        for (index, (key, address)) in all.enumerated() {
            for (other, earlier) in all[..<index] {
                guard let address, let earlier, address.overlaps(earlier) else { continue }
                // A default is no choice of the user's.
                let isDefault = origins["listen.\(key)"] == nil
                throw wrong(
                    isDefault ? other : key,
                    "\(isDefault ? earlier : address), where listen.\(isDefault ? key : other) "
                        + "(\(isDefault ? address : earlier)) listens already; choose another port or path")
            }
        }
    }
}

extension ListenAddress {
    /// Whether the system lets only one of two sockets listen: one port of one address, of all addresses and one, or
    /// of a name that may be either.
    func overlaps(_ other: ListenAddress) -> Bool {
        switch (self, other) {
        case (.unix(let path), .unix(let otherPath)): path == otherPath
        case (.network(let host, let port), .network(let otherHost, let otherPort)):
            port == otherPort && port != 0 && Self.overlap(host, otherHost)
        default: false
        }
    }

    private static func overlap(_ one: String, _ other: String) -> Bool {
        guard let first = IPAddress(one), let second = IPAddress(other) else {
            // Only localhost is a name.
            return isLoopbackOrAny(one) && isLoopbackOrAny(other)
        }
        // A socket of all IPv6 addresses takes connections to IPv4 ones, too.
        return first == second || first.isAny && (first.isIPv6 || !second.isIPv6)
            || second.isAny && (second.isIPv6 || !first.isIPv6)
    }

    private static func isLoopbackOrAny(_ host: String) -> Bool {
        IPAddress(host).map { $0.isLoopback || $0.isAny } ?? true
    }
}
