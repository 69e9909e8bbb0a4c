internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Uploads hold nobody up: not those that come slowly, not those whose clients go, not very long ones.
@Suite struct ServeUploadTests {
    private static let second = Sound.raw(Sound.samples(16000))
    private static let target = "/v1/classify?sample_format=s16le&rate=16000"

    private func head(_ server: Server, length: Int, rate: Int = 16000) -> [UInt8] {
        let target = "/v1/classify?sample_format=s16le&rate=\(rate)"
        let host = "Host: 127.0.0.1:\(server.httpPort)"
        return Array("POST \(target) HTTP/1.1\r\n\(host)\r\nContent-Length: \(length)\r\n\r\n".utf8)
    }

    /// A description of raw PCM is for bodies without a header, as it is by path and pipe.
    @Test func headersDescribeTheirSamples() throws {
        let server = try Server()
        let wave = WaveFile(Sound.samples(16_000)).bytes
        let plain = try server.request("POST", "/v1/classify", body: wave)
        let described = try server.request("POST", "/v1/classify?sample_format=f32le&channels=1", body: wave)
        #expect(plain.status == 200 && described.status == 200 && described.text == plain.text, "\(described.text)")
    }

    @Test func slowBodiesTakeNoSlot() throws {
        let server = try Server(["limits.files=1", "limits.idle_seconds=2"])
        let slow = try server.connect()
        try slow.send(head(server, length: 1_000_000) + Self.second)
        #expect(try server.request("POST", Self.target, body: Self.second).status == 200)
        // A byte now and then does not keep the connection.
        let began = ContinuousClock.now
        while ContinuousClock.now - began < .seconds(20), (try? slow.send([0])) != nil { usleep(200_000) }
        #expect(ContinuousClock.now - began < .seconds(15))
    }

    /// A client that has sent much of a file and then nothing has no more time than another one.
    @Test func silentBodiesEnd() throws {
        let server = try Server(["limits.idle_seconds=2"])
        let silent = try server.connect()
        // The least rate alone would give these bytes five minutes.
        try silent.send(head(server, length: 6_000_000) + [UInt8](repeating: 0, count: 5_000_000))
        let began = ContinuousClock.now
        let answer = try Reply(try silent.receiveAll())
        #expect(answer.status == 408 && answer.text.contains("nothing of it came for 2 s"), "\(answer.text)")
        #expect(ContinuousClock.now - began < .seconds(20))
    }

    /// A file takes its slot for as long as its client is there.
    @Test(arguments: [true, false])
    func clientsThatGoCancelTheirFiles(isReset: Bool) throws {
        let server = try Server(["limits.files=1", "limits.file_seconds=1000000"])
        // Nine hours at a rate of 1000 Hz.
        let long = [UInt8](repeating: 0, count: 63_000_000)
        do {
            let client = try server.connect()
            try client.send(head(server, length: long.count, rate: 1000) + long)
            usleep(500_000)
            if isReset { client.vanish() }
        }
        var status = 503
        for _ in 0..<100 where status == 503 {
            usleep(100_000)
            status = try server.request("POST", Self.target, body: Self.second).status
        }
        #expect(status == 200)
        try waitForUploads(server, "abandoned", 1)
        try waitForUploads(server, "classified", 1)
        #expect(try server.stop().status == 0)
    }

    /// Waits until as many files have an outcome: an answer may arrive before it is counted.
    private func waitForUploads(_ server: Server, _ outcome: String, _ count: Double) throws {
        let name = "uploads_total{outcome=\"\(outcome)\"}"
        for _ in 0..<500 where try server.metric(name) != count { usleep(10_000) }
        #expect(try server.metric(name) == count, "\(outcome)")
    }

    /// Files are counted by outcome, and seconds of their audio.
    @Test func filesAreCounted() throws {
        let server = try Server(["limits.file_seconds=2.5"])
        func send(_ target: String, _ body: [UInt8], _ status: Int) throws {
            #expect(try server.request("POST", target, body: body).status == status, "\(target)")
        }
        try send(Self.target, Self.second, 200)
        try send(Self.target + "&emit=frames", Self.second + Self.second, 200)
        try waitForUploads(server, "classified", 2)
        #expect(try server.metric("upload_audio_seconds_total") == 3)
        try send("/v1/classify", Array("no audio".utf8), 422)
        try waitForUploads(server, "failed", 1)
        #expect(try server.metric("upload_audio_seconds_total") == 3)
        // What was decoded of a file that is too long counts.
        try send(Self.target, Self.second + Self.second + Self.second, 422)
        try waitForUploads(server, "failed", 2)
        #expect(try (5.5...6).contains(server.metric("upload_audio_seconds_total")))
        try send("/v1/classify?top_k=none", Self.second, 400)
        try waitForUploads(server, "refused", 1)
        let client = try server.connect()
        try client.send(head(server, length: 1_000_000) + Self.second)
        client.vanish()
        try waitForUploads(server, "abandoned", 1)
        try waitForUploads(server, "classified", 2)
        #expect(try server.stop().status == 0)
    }

    @Test func longestDurationIsALimit() throws {
        let server = try Server(["limits.file_seconds=1.5"])
        #expect(try server.request("POST", Self.target, body: Self.second).status == 200)
        let refused = try server.request("POST", Self.target, body: Self.second + Self.second)
        #expect(refused.status == 422 && refused.text.contains("\"code\":\"too_long\""))
    }

    /// A file without a sample is refused with the reason of `classify`, in JSON and in tables; one that is too short
    /// for a prediction is not.
    @Test func filesWithoutSamplesAreRefused() throws {
        let server = try Server()
        func wave(_ count: Int) -> [UInt8] {
            var wave = WaveFile([Float](repeating: 0, count: count))
            wave.rate = 16_000
            return wave.bytes
        }
        let empty = try server.request("POST", "/v1/classify", body: wave(0))
        #expect(empty.status == 422 && empty.text.contains("\"code\":\"decode\""), "\(empty.text)")
        #expect(empty.text.contains("there is no sample in it"), "\(empty.text)")
        for format in ["csv", "tsv"] {
            let table = try server.request("POST", "/v1/classify?format=\(format)", body: wave(0))
            #expect(table.status == 422 && table.text == empty.text, "\(format): \(table.text)")
            let short = try server.request("POST", "/v1/classify?format=\(format)", body: wave(10))
            #expect(short.status == 200 && short.lines.count == 2, "\(format): \(short.text)")
            #expect(short.lines[0].hasPrefix("file") && short.lines[1].contains("0.001"), "\(format): \(short.text)")
        }
        #expect(try server.stop().status == 0)
    }

    // MARK: Stop

    private static let stopping = "\"code\":\"stopping\",\"message\":\"the service is stopping; connect again\"}"

    /// SIGTERM does not wait for a file, and its client gets the reason: as an answer, or as the last line of one.
    @Test(arguments: ["", "&emit=frames", "&emit=events", "&emit=frames&format=csv", "&emit=events&format=tsv"])
    func stopCancelsFiles(query: String) throws {
        let server = try Server(["limits.file_seconds=1000000"])
        let long = [UInt8](repeating: 0, count: 63_000_000)
        let client = try server.connect()
        let target = "/v1/classify?sample_format=s16le&rate=1000\(query)"
        let fields = "Host: 127.0.0.1:\(server.httpPort)\r\nContent-Length: \(long.count)"
        try client.send(Array("POST \(target) HTTP/1.1\r\n\(fields)\r\n\r\n".utf8) + long)
        usleep(500_000)
        server.child.send(signal: SIGTERM)
        let reply = try Reply(try client.receiveAll())
        switch query {
        case "":
            #expect(reply.status == 503 && reply.text.hasSuffix("\(Self.stopping)\n"), "\(reply.text)")
            #expect(reply.headers["retry-after"] != nil)
        case "&emit=frames&format=csv":
            #expect(reply.status == 200 && reply.lines.count > 2)
            #expect(reply.lines.last?.hasSuffix(",stopping: the service is stopping; connect again") == true)
        case "&emit=events&format=tsv":
            // Silence has no event: without this row the answer would be that of a whole file.
            #expect(reply.lines.last?.hasSuffix("\tstopping: the service is stopping; connect again") == true)
        default:
            #expect(reply.status == 200 && reply.lines.first?.hasPrefix("{\"type\":\"start\",") == true)
            #expect(reply.lines.last == "{\"type\":\"error\",\"v\":1,\"file\":\"upload\",\(Self.stopping)")
        }
        #expect(try server.child.wait(atMost: 15).status == 0)
    }

    /// A client whose file has not come completely gets the reason, too, whether it waits or goes on sending.
    @Test(arguments: ["waits", "expects", "sends"]) func stopAnswersIncompleteBodies(client kind: String) throws {
        let server = try Server()
        let client = try server.connect()
        let rest = [UInt8](repeating: 0, count: 2_000_000)
        let host = "Host: 127.0.0.1:\(server.httpPort)\r\nContent-Length: \(Self.second.count + rest.count)"
        let expects = kind == "expects" ? "\r\nExpect: 100-continue" : ""
        try client.send(Array("POST \(Self.target) HTTP/1.1\r\n\(host)\(expects)\r\n\r\n".utf8))
        if kind == "expects" {
            #expect(String(decoding: try client.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 100 "))
        } else {
            try client.send(Self.second)
        }
        usleep(200_000)
        server.child.send(signal: SIGTERM)
        // The service reads for a second or two behind its answer; a busy machine may not wake this test so soon.
        if kind == "sends" { try client.sendUntilAnswered(atMost: rest.count) }
        let reply = try Reply(try client.receiveAll())
        #expect(reply.status == 503 && reply.text.hasSuffix("\(Self.stopping)\n"), "\(reply.text)")
        #expect(reply.headers["connection"] == "close")
        #expect(try server.child.wait(atMost: 15).status == 0)
    }

    // MARK: Cut files

    /// A file that is cut has what `classify` says of it in the last record, or in a row of a table.
    @Test(arguments: ["wav", "flac", "vorbis", "opus", "mp3", "w64", "au"]) func cutFilesHaveWarnings(name: String)
        throws
    {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/upload"
        if name == "wav" {
            try folder.write(WaveFile(Sound.samples(48_000)).bytes, to: "upload")
        } else {
            let coding = try #require(Libsndfile.codings.first { $0.name == name })
            let samples = Sound.samples(3 * coding.rate * coding.channels).map { Float($0) / 32768 }
            try Libsndfile.encode(samples, as: coding, to: path)
        }
        let whole = try folder.read("upload")
        let cut = Array(whole[..<(whole.count * 2 / 3)])
        try folder.write(cut, to: "upload")
        let log = try Program.run(["classify", path]).errors
        let start = try #require(log.firstRange(of: "upload is cut: "), "\(log)")
        let warning = String(log[start.lowerBound...].prefix { $0 != "\n" })
        let server = try Server()
        for query in ["", "?emit=frames", "?emit=events", "?emit=changes,events"] {
            let reply = try server.request("POST", "/v1/classify\(query)", body: cut)
            #expect(reply.status == 200)
            let lines = try reply.lines.map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
            let last = try #require(lines.last)
            #expect(last["type"] == .string(query.isEmpty ? "summary" : "end"))
            #expect(last["warnings"]?.elements.contains(.string(warning)) == true, "\(reply.lines.last ?? "")")
            #expect(lines.dropLast().allSatisfy { $0["warnings"] == nil })
            let good = try server.request("POST", "/v1/classify\(query)", body: whole)
            #expect(good.status == 200 && !good.text.contains("\"warnings\""))
        }
        for format in ["csv", "tsv"] {
            let reply = try server.request("POST", "/v1/classify?format=\(format)", body: cut)
            #expect(reply.status == 200 && reply.lines.contains { $0.contains("cut: \(warning)") }, "\(reply.text)")
            let good = try server.request("POST", "/v1/classify?format=\(format)", body: whole)
            #expect(good.status == 200 && !good.text.contains(" is cut"))
        }
    }
}
