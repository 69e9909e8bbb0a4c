internal import AudioClassifier
internal import AudioFrontend
internal import ClassifierServer
internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Readers of the service: its configuration, short texts, and the bytes of connections through its own pipelines.
@Suite(.serialized) struct ServiceFuzzTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private static func request(_ head: String, _ fields: String = "", body: [UInt8] = []) -> [UInt8] {
        let length = body.isEmpty ? "" : "Content-Length: \(body.count)\r\n"
        return Array("\(head) HTTP/1.1\r\nHost: localhost\r\n\(fields)\(length)\r\n".utf8) + body
    }

    private static let upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    /// Returns a frame of a client.
    private static func frame(_ first: UInt8, _ payload: [UInt8], mask: [UInt8] = [0, 0, 0, 0]) -> [UInt8] {
        let length =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)] : [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        return [first] + length + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    private static func text(_ text: String) -> [UInt8] { frame(0x81, Array(text.utf8), mask: [1, 2, 3, 4]) }

    /// Requests, one behind the other.
    @Test func http() async throws {
        let sound = try SoundCorpus.files(in: folder).prefix(2).map { Array($0.prefix(600)) }
        let form = Array("--x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nRIFF\r\n--x--\r\n".utf8)
        let corpus: [[UInt8]] =
            [
                Self.request("GET /v1/streams") + Self.request("HEAD /metrics") + Self.request("GET /page.js"),
                Self.request("POST /v1/classify?emit=events", body: sound[0]) + Self.request("GET /healthz"),
                Self.request("POST /v1/classify", "Expect: 100-continue\r\n", body: sound[1]),
                Self.request("POST /v1/classify", "Content-Type: multipart/form-data; boundary=x\r\n", body: form),
                Self.request("POST /v1/classify?sample_format=s16le", "Transfer-Encoding: chunked\r\n")
                    + Array("4\r\nabcd\r\n2;x=y\r\n\0\0\r\n0\r\nTrailer: a\r\n\r\n".utf8),
                Self.request("PUT /v1/streams/fuzz/state", body: [UInt8](repeating: 1, count: 64)),
                Self.request("GET /v1/streams/fuzz/state", "Origin: http://localhost\r\nX-Forwarded-Proto: https\r\n"),
                Self.request("GET /v1/stream?stream=a&resume=true&rate=8000", Self.upgrade) + Self.text("{}"),
                Array("POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc".utf8),
                Self.request("GET /v1/streams/a/watch", Self.upgrade + "Sec-WebSocket-Protocol: bearer.61\r\n"),
            ]
        let words = ["\r\n", "\r\n\r\n", "Content-Length: ", "chunked", "%00", "Upgrade: h2c\r\n", "HTTP/1.0", "\0"]
        try await FuzzedService.run(FuzzTests.models, in: folder) { service in
            try Fuzzer(name: "http", corpus: corpus, dictionary: words)
                .run { FuzzedService.exchange($0, with: service.http) }
        }
    }

    /// Frames behind a good upgrade.
    @Test func webSocket() async throws {
        let block = [UInt8](repeating: 7, count: 1280)
        let corpus: [[UInt8]] = [
            Self.frame(0x82, block) + Self.text("{\"type\":\"ping\",\"id\":1.5}") + Self.text("{\"type\":\"end\"}"),
            Self.frame(0x02, [1]) + Self.frame(0x00, block, mask: [9, 8, 7, 6]) + Self.frame(0x89, [1, 2])
                + Self.frame(0x80, [3]) + Self.frame(0x88, [3, 232]),
            Self.text("{\"type\":\"gap\",\"lost_samples\":1099511627776}") + Self.frame(0x82, block)
                + Self.frame(0x8A, []),
            Self.frame(0x82, [1, 2, 3]) + Self.text("{\"type\" : \"ping\", \"id\":null, \"x\":\"\\\"\"}"),
        ]
        let words = ["{\"type\":\"end\"}", "\"lost_samples\":", "1e400", "-1", "\"id\":", "\u{88}", "\\", "[[["]
        let targets = ["stream", "stream?sample_format=f32le&channels=3"]
        let resumed = "stream?stream=f&resume=true&features=true"
        try await FuzzedService.run(FuzzTests.models, in: folder) { service in
            try Fuzzer(name: "websocket", corpus: corpus, dictionary: words).run { bytes in
                let choice = Int(bytes.last ?? 0)
                // A saved state takes as long as the disk does.
                let target = choice % 16 == 7 ? resumed : targets[choice % targets.count]
                let head = Self.request("GET /v1/\(target)", Self.upgrade)
                FuzzedService.exchange(head + bytes, with: service.http)
            }
        }
    }

    /// Raw connections, whose first bytes the service identifies.
    @Test func rawConnection() async throws {
        let corpus = try SoundCorpus.files(in: folder).map { Array($0.prefix(4096)) }
        try await FuzzedService.run(FuzzTests.models, in: folder) { service in
            try Fuzzer(name: "pcm", corpus: corpus, dictionary: ["RIFF", "fLaC", "GET / HTTP/1.1\r\n", "ID3", "{"])
                .run { FuzzedService.exchange($0, with: service.pcm) }
        }
    }

    @Test func yaml() throws {
        let shipped = Array(try Data(contentsOf: URL(filePath: FuzzTests.models + "/../configs/serve.yaml")))
        let sources = Array("sources:\n- name: a\n  command: [cat]\n  rate: 16000\n- name: b\n  follow: /x\n".utf8)
        let words = [": ", "- ", "[", "{", "&a ", "*a", "!!float ", "1e400", "0x7fffffffffffffff", "\n  ", "|", "nan"]
        try Fuzzer(name: "yaml", corpus: [shipped, sources], dictionary: words).run { bytes in
            try folder.write(bytes, to: "serve.yaml")
            _ = try ServeConfiguration(file: "\(folder.path)/serve.yaml", environment: [:])
        }
    }

    /// Short texts of others: addresses of hosts, records of a broker, identities of processes, front-ends of models.
    @Test func texts() throws {
        let event =
            "{\"type\":\"event\",\"v\":1,\"id\":\"a-880-yes\",\"phase\":\"start\",\"stream\":\"a\",\"label\":\"yes\","
            + "\"t0\":0.5,\"t1\":null,\"p_max\":0.9,\"service\":\"s\",\"process\":\"ab1-17-400\",\"time\":1e9}"
        let recipe = "{\"recipe\":\"yamnet\",\"bands\":12}"
        let hosts = ["[::1]:8080", "127.0.0.1:80", "ear.example:443", "unix:/run/a", "::ffff:127.0.0.1", "ab1-17-400"]
        let corpus = ([event, recipe] + hosts).map { Array($0.utf8) }
        let words = ["1e308", "-1", "9223372036854775807", "null", "]", "[", "%", "::", "\u{0}", "65536", "\"bands\":"]
        try Fuzzer(name: "texts", corpus: corpus, dictionary: words).run { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            _ = (Authority(text), IPAddress(text), ListenAddress(text), ProcessIdentity(text)?.hasEndedHere)
            if let event = StreamEvent(json: text) { _ = (event.interrupted(time: 1), event.publisher, event.id) }
            guard JSONNesting.isShallow(bytes[...]) else { return }
            let recipe = try JSONDecoder().decode(LogMelRecipe.self, from: Data(bytes))
            // A front-end of the largest size takes seconds, which are its right.
            if recipe.bands * recipe.fftLength < 1 << 16 { _ = try LogMelExtractor(recipe) }
        }
    }

    /// Targets and queries of requests, and bodies of forms, in pieces.
    @Test func requests() throws {
        let defaults = try ServeConfiguration(file: nil, environment: [:]).streams
        let query = "/v1/stream?stream=a&rate=8000&sample_format=u8&class_threshold=yes:0.5&position=5&allow=yes,no"
        let form = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--x--\r\n"
        let corpus = [query, form, "/v1/streams/%C3%A4/state?", form + form].map { Array($0.utf8) }
        try Fuzzer(name: "requests", corpus: corpus, dictionary: ["%", "&", "=", "--x", "\r\n", "1e308", "%00"])
            .run { bytes in
                if var reader = MultipartReader(contentType: "multipart/form-data; boundary=x") {
                    for start in stride(from: 0, to: bytes.count, by: 7) {
                        _ = try? reader.push(Array(bytes[start..<min(start + 7, bytes.count)]))
                    }
                }
                guard let target = RequestTarget(String(decoding: bytes, as: UTF8.self)) else { return }
                _ = try StreamParameters(defaults, query: target.query, known: QueryParameter.stream)
            }
    }
}
