internal import FoundationEssentials
internal import Glibc
internal import StrictCoding

/// `serve` as a process, on ports that the system chooses.
final class Server {
    let child: ChildProcess
    let httpPort: Int
    let tcpPort: Int?
    let unixPath: String?

    /// - Parameter settings: `--set`.
    init(
        _ settings: [String] = [], arguments: [String] = [], environment: [String: String] = [:],
        unixPath: String? = nil, hasTCP: Bool = false, output: ChildProcess.Output = .kept
    ) throws {
        var all = ["listen.http=127.0.0.1:0"] + settings
        // Tests ask again and again from one address.
        let rate = "limits.connections_per_second="
        if !settings.contains(where: { $0.hasPrefix(rate) }) { all.append(rate + "100000") }
        if hasTCP { all.append("listen.tcp=127.0.0.1:0") }
        if let unixPath { all.append("listen.unix=unix:\(unixPath)") }
        child = try ChildProcess(
            ["serve"] + all.flatMap { ["--set", $0] } + arguments, output: output, environment: environment)
        self.unixPath = unixPath
        try child.waitForErrors { $0.contains("listening on ") }
        let line = child.errorsSoFar.split(separator: "\n").first { $0.contains("listening on ") } ?? ""
        func port(_ prefix: String) -> Int? {
            guard let start = line.firstRange(of: prefix)?.upperBound else { return nil }
            return Int(line[start...].prefix { $0.isNumber })
        }
        guard let http = port("http://127.0.0.1:") ?? port("https://127.0.0.1:") else {
            throw ChildProcess.Failure(description: "serve does not say where it listens: \(line)")
        }
        httpPort = http
        tcpPort = port("tcp://127.0.0.1:")
    }

    func connect() throws -> Socket { try Socket(port: httpPort) }

    /// Sends a request on a new connection.
    func request(
        _ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8] = []
    ) throws -> Reply {
        let socket = try connect()
        var fields = headers.merging(["Host": "127.0.0.1:\(httpPort)", "Connection": "close"]) { own, _ in own }
        if !body.isEmpty && fields["Transfer-Encoding"] == nil { fields["Content-Length"] = "\(body.count)" }
        let head = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
        try socket.send(Array("\(method) \(target) HTTP/1.1\r\n\(head)\r\n".utf8) + body)
        return try Reply(try socket.receiveAll())
    }

    func stop() throws -> Finished {
        child.send(signal: SIGTERM)
        return try child.wait(atMost: 20)
    }

    /// Returns the value of a metric; 0 without one.
    func metric(_ name: String) throws -> Double {
        let text = try request("GET", "/metrics").text
        let line = text.split(separator: "\n").first { $0.hasPrefix("audio_classifierd_\(name) ") }
        return line.flatMap { Double($0.split(separator: " ")[1]) } ?? 0
    }
}

/// An answer over HTTP.
struct Reply {
    let status: Int
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var lines: [String] { text.split(separator: "\n").map(String.init) }

    func json() throws -> JSONValue { try JSONDecoder().decode(JSONValue.self, from: Data(body)) }

    init(_ bytes: [UInt8]) throws {
        let separator = Array("\r\n\r\n".utf8)
        guard let end = bytes.firstRange(of: separator) else {
            throw ChildProcess.Failure(description: "no answer: \(String(decoding: bytes, as: UTF8.self))")
        }
        let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        status = Int(head.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        var headers: [String: String] = [:]
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        self.headers = headers
        var rest = Array(bytes[end.upperBound...])
        if headers["transfer-encoding"] == "chunked" {
            var whole: [UInt8] = []
            while let line = rest.firstRange(of: Array("\r\n".utf8)),
                let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16), size > 0
            {
                whole += rest[line.upperBound..<min(line.upperBound + size, rest.count)]
                rest.removeFirst(min(line.upperBound + size + 2, rest.count))
            }
            rest = whole
        }
        body = rest
    }
}
