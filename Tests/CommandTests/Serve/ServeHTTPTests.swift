internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// `serve` over HTTP: reports about the service, and classification of files.
@Suite struct ServeHTTPTests {
    private let server: Server
    private static let sound = WaveFile(Sound.samples(16000)).bytes

    init() throws { server = try Server(["limits.body_bytes=100000"]) }

    @Test func statusIsReported() throws {
        #expect(try server.request("GET", "/healthz").json()["ok"] == .bool(true))
        #expect(try server.request("GET", "/readyz").json()["streams"] == 0)
        #expect(try server.request("GET", "/v1/streams").json() == .array([]))
        let models = try server.request("GET", "/v1/models").json().elements
        #expect(models.map { $0["model"] } == ["keywords-en"])
        #expect(models.first?["labels"]?.elements.count == 12 && models.first?["rate"] == 16000)
        let head = try server.request("HEAD", "/healthz")
        #expect(head.status == 200 && head.body.isEmpty)
        #expect(head.headers["x-content-type-options"] == "nosniff")
    }

    @Test func wrongRequestsAreRefused() throws {
        for (method, target, status) in [
            ("GET", "/nothing", 404), ("GET", "/../etc/passwd", 404), ("GET", "/v1/streams/none", 404),
            ("POST", "/healthz", 405), ("GET", "/v1/classify", 405), ("GET", "/v1/stream", 426), ("GET", "/%ff", 400),
            ("POST", "/v1/classify?loud=1", 400), ("POST", "/v1/classify?model=none", 404),
            ("POST", "/v1/classify?deny=none", 400),
        ] {
            let reply = try server.request(method, target)
            #expect(reply.status == status, "\(method) \(target)")
            #expect(try reply.json()["message"]?.string?.isEmpty == false)
        }
        #expect(try server.request("GET", "/healthz", headers: ["Host": "evil.example"]).status == 403)
        #expect(try server.request("GET", "/healthz", headers: ["Origin": "http://evil.example"]).status == 403)
        #expect(try server.request("GET", "/healthz", headers: ["Upgrade": "h2c"]).status == 200)
        let long = String(repeating: "a", count: 20_000)
        #expect(try server.request("GET", "/healthz", headers: ["X-Long": long]).status == 400)
    }

    /// The lines are those of `classify` on the same file. There a prediction ends with the file's path, which an
    /// upload does not have.
    @Test(arguments: ["events", "frames", "summary", "changes"], [true, false])
    func fileIsClassified(emit: String, isForm: Bool) throws {
        let folder = try TemporaryDirectory()
        try folder.write(Self.sound, to: "a.wav")
        let expected = try Program.run(["classify", "\(folder.path)/a.wav", "--emit", emit, "--source-name", "a"])
        var (headers, body): ([String: String], [UInt8]) = (["Content-Type": "audio/wav"], Self.sound)
        if isForm {
            headers["Content-Type"] = "multipart/form-data; boundary=XyZ"
            let head = "--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n"
            body = Array(head.utf8) + Self.sound + Array("\r\n--XyZ--\r\n".utf8)
        }
        let reply = try server.request("POST", "/v1/classify?emit=\(emit)&stream=a", headers: headers, body: body)
        #expect(reply.status == 200 && reply.headers["content-type"]?.hasPrefix("application/jsonl") == true)
        let path = "\(folder.path)/a.wav"
        #expect(!reply.lines.isEmpty)
        let lines = expected.lines.map { line in
            let ending = ",\"file\":\"\(path)\"}"
            return line.hasSuffix(ending) ? String(line.dropLast(ending.count)) + "}" : line
        }
        #expect(reply.lines == lines.map { $0.split(separator: path).joined(separator: "a") })
    }

    @Test func rawPCMAndTables() throws {
        let raw = Sound.raw(Sound.samples(16000))
        let table = try server.request(
            "POST", "/v1/classify?sample_format=s16le&rate=8000&format=csv&emit=frames", body: raw)
        #expect(table.status == 200 && table.headers["content-type"]?.hasPrefix("text/csv") == true)
        #expect(table.lines.first == "stream,frame,sample,t,warm,rank,label,p,dbfs,error")
        // Two seconds of sound with three labels for each prediction.
        #expect(table.lines.count == 1 + 3 * 49)
    }

    /// A table has the columns of the command line's, and an error in the middle of a file is a row of it.
    @Test func tablesAreThoseOfClassify() throws {
        let samples = Sound.samples(16000).map { Float($0) / 32768 } + [.nan]
        let raw = samples.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
        let folder = try TemporaryDirectory()
        try folder.write(raw, to: "a.raw")
        for format in ["csv", "tsv"] {
            let reply = try server.request(
                "POST", "/v1/classify?sample_format=f32le&rate=16000&format=\(format)&emit=frames&stream=a", body: raw)
            let expected = try Program.run(
                [
                    "classify", "\(folder.path)/a.raw", "--input-format", "raw", "--sample-format", "f32le", "--rate",
                    "16000", "--format", format, "--emit", "frames", "--top-k", "3", "--source-name", "a",
                ])
            #expect(reply.status == 200 && reply.lines.count > 10)
            let separator: Character = format == "csv" ? "," : "\t"
            let columns = reply.lines[0].split(separator: separator)
            #expect(columns.last == "error")
            #expect(reply.lines.last?.contains("non_finite_sample: ") == true, "\(reply.lines.suffix(2))")
            #expect(reply.lines.last?.first == "a")
            #expect(expected.lines.count == reply.lines.count)
        }
    }

    @Test func badFilesAreRefused() throws {
        let noise = try server.request("POST", "/v1/classify", body: Array("fLaC but not really".utf8))
        #expect(noise.status == 422)
        #expect(try noise.json()["code"] == "decode")
        #expect(try server.request("POST", "/v1/classify").status == 422)
        // Raw PCM without a format, and formats that another program must decode, are refused.
        let m4a: [UInt8] = [0, 0, 0, 0x20] + Array("ftypM4A ".utf8) + Sound.raw(Sound.samples(4000))
        for body in [Sound.raw(Sound.samples(4000)), m4a, Array(#"{"audio": "none", "rate": 16000}"#.utf8)] {
            let refused = try server.request("POST", "/v1/classify", body: body)
            #expect(refused.status == 422 && refused.text.contains("ffmpeg -i X -f wav -"))
        }
        let contradiction = try server.request("POST", "/v1/classify?rate=8000", body: Self.sound)
        #expect(contradiction.status == 422 && contradiction.text.contains("8000"))
        // What a client can change are parameters, not options.
        let undeclared = try server.request("POST", "/v1/classify", body: Sound.raw(Sound.samples(4000)))
        #expect(undeclared.text.contains("Raw PCM needs sample_format and rate in the query"))
        #expect(contradiction.text.contains("rate=8000 contradicts the input"))
        let thresholds = try server.request("POST", "/v1/classify?threshold=0.3&threshold_off=0.9", body: Self.sound)
        #expect(thresholds.status == 400 && thresholds.text.contains("threshold_off 0.9 is above threshold 0.3"))
        for reply in [undeclared, contradiction, thresholds] {
            let options = ["--input-format", "--sample-format", "--rate", "--threshold"]
            #expect(!options.contains { reply.text.contains($0) }, "\(reply.text)")
        }
        let large = try server.request("POST", "/v1/classify", body: [UInt8](repeating: 0, count: 100_001))
        #expect(large.status == 413 && large.text.contains("limits.body_bytes"))
        let form = ["Content-Type": "multipart/form-data; boundary=b"]
        for body in ["--b--\r\n", "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nRIFF"] {
            let reply = try server.request("POST", "/v1/classify", headers: form, body: Array(body.utf8))
            #expect(reply.status == 400 && reply.text.contains("form"), "\(body)")
        }
        #expect(try server.request("GET", "/healthz").status == 200)
    }

    /// Several requests on one connection are sent before the first answer.
    @Test func connectionIsKept() throws {
        let socket = try server.connect()
        let host = "Host: 127.0.0.1:\(server.httpPort)\r\n"
        let requests = (0..<3).map { _ in "GET /healthz HTTP/1.1\r\n\(host)\r\n" }.joined()
        try socket.send(Array((requests + "GET /readyz HTTP/1.1\r\n\(host)Connection: close\r\n\r\n").utf8))
        let text = String(decoding: try socket.receiveAll(), as: UTF8.self)
        #expect(text.split(separator: "HTTP/1.1 200 OK").count == 4)
    }

    /// The metrics of dashboards exist, and Prometheus' own tool accepts the text.
    @Test func metricsAreValid() throws {
        let socket = try WebSocketClient(server, "/v1/stream?stream=m&threshold=0.000001&emit=events")
        try socket.send(Sound.raw(Sound.samples(16000)))
        try socket.send(text: "{\"type\":\"end\"}")
        _ = try socket.receiveAll()
        let reply = try server.request("GET", "/metrics")
        #expect(reply.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        for name in [
            "frames_total 24\n", "dropped_samples_total 0\n", "step_duration_seconds_count 24\n", "realtime_factor ",
            "queue_depth_frames 0\n", "events_total{label=\"", "streams 0\n", "build_info{version=\"",
        ] { #expect(reply.text.contains("\naudio_classifierd_\(name)"), "\(name)") }
        let promtool = "/usr/bin/promtool"
        guard FileManager.default.isExecutableFile(atPath: promtool) else {
            Issue.record("promtool is not installed; make setup-tests installs it (Debian's prometheus)")
            return
        }
        let check = try ChildProcess(["check", "metrics"], input: .pipe, program: promtool)
        try check.write(reply.body)
        check.closeInput()
        let finished = try check.wait()
        #expect(finished.status == 0 && finished.errors == "", "\(finished.errors)")
    }

    /// A request whose body ends early is refused by the parser while its handler answers: one answer goes out.
    @Test(arguments: ["POST /nowhere", "POST /v1/classify", "PUT /v1/streams/a/state", "GET /healthz"])
    func cutRequestHasOneAnswer(head: String) throws {
        for count in [0, 3, 8] {
            let socket = try server.connect()
            let fields = "Host: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"
            try socket.send(Array("\(head) HTTP/1.1\r\n\(fields)\("RIFFxxxx".prefix(count))".utf8))
            socket.finish()
            let answer = String(decoding: try socket.receiveAll(), as: UTF8.self)
            let heads = answer.split(separator: "\r\n").filter { $0.hasPrefix("HTTP/1.1 ") && !$0.contains(" 100 ") }
            #expect(heads.count == 1 && heads[0] != "HTTP/1.1 500", "\(answer)")
        }
        #expect(try server.request("GET", "/healthz").status == 200)
    }

    @Test func tokenIsNeeded() throws {
        let guarded = try Server(environment: ["AUDIO_CLASSIFIERD_ACCESS_TOKEN": "correct horse battery"])
        #expect(try guarded.request("GET", "/healthz").status == 200)
        for target in ["/metrics", "/v1/models", "/v1/streams"] {
            let refused = try guarded.request("GET", target)
            #expect(refused.status == 401 && refused.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            let wrong = ["Authorization": "Bearer correct horse batterx"]
            #expect(try guarded.request("GET", target, headers: wrong).status == 401)
            let right = ["Authorization": "Bearer correct horse battery"]
            #expect(try guarded.request("GET", target, headers: right).status == 200)
        }
        let refused = try #require(throws: WebSocketClient.Refused.self) {
            _ = try WebSocketClient(guarded, "/v1/stream")
        }
        #expect(refused.reply.status == 401)
        let digits = Array("correct horse battery".utf8).map { String($0, radix: 16) }.joined()
        _ = try WebSocketClient(
            guarded, "/v1/stream", headers: ["Sec-WebSocket-Protocol": "audio-classifierd, bearer.\(digits)"])
    }
}
