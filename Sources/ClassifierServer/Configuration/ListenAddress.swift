/// An address to listen on: a host and a port, or a socket in the file system.
public enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
    case network(host: String, port: Int)
    case unix(path: String)

    /// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `unix:/run/audio-classifierd/pcm.sock`.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // The length of sockaddr_un's path, with the zero at its end.
            guard path.hasPrefix("/"), path.utf8.count < 108 else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard host == "localhost" || IPAddress(host) != nil else { return nil }
        self = .network(host: host, port: port)
    }

    /// Whether only this machine can reach it.
    public var isLocal: Bool {
        switch self {
        case .unix: true
        case .network(let host, _): host == "localhost" || IPAddress(host)?.isLoopback == true
        }
    }

    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .network(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
