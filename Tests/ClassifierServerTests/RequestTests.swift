internal import AudioClassifier
internal import ClassifierServer
internal import NIOHTTP1
internal import TestSupport
internal import Testing

/// Requests are parsed strictly.
@Suite struct RequestTests {
    @Test func targetsAreDecoded() throws {
        let target = try #require(RequestTarget("/v1//streams/a%20b/?x=1&y=%C3%A4+b&z&w=a%3Db=c"))
        #expect(target.path == ["v1", "streams", "a b"])
        #expect(target.query.map(\.name) == ["x", "y", "z", "w"])
        #expect(target.query.map(\.value) == ["1", "ä b", "", "a=b=c"])
        #expect(RequestTarget("*")?.path == ["*"] && RequestTarget("/")?.path == [])
        for broken in ["/%", "/%4", "/%zz", "/%ff", "/?a=%e4"] { #expect(RequestTarget(broken) == nil, "\(broken)") }
    }

    @Test func anyTargetIsReadOrRefused() {
        var random = SplitMix64(seed: 4)
        let characters = Array("/?&=%+abc0f.~é")
        for _ in 0..<5000 {
            let length = random.integer(in: 0...12)
            _ = RequestTarget(
                String((0..<length).map { _ in characters[random.integer(in: 0...characters.count - 1)] }))
        }
    }

    private func parameters(_ query: String) throws -> StreamParameters {
        let defaults = try ServeConfiguration(file: nil, environment: [:]).streams
        let target = try #require(RequestTarget("/?" + query))
        return try StreamParameters(defaults, query: target.query, known: QueryParameter.stream)
    }

    @Test func parametersAreRead() throws {
        let some = try parameters(
            "stream=mic.0&sample_format=f32le&rate=48000&channels=2&channel=1&emit=changes,events&top_k=5&threshold=0.7"
                + "&class_threshold=a=b%3D0.5&deny=x&deny=y&min_dbfs=-50&min_rise_db=3&live=true&position=16000")
        #expect(some.id == "mic.0" && some.rate == 48000 && some.channels == 2 && some.topCount == 5)
        #expect(some.emission == .changes && some.subscription.events && some.subscription.frames)
        #expect(some.decision.classThresholds == ["a=b": 0.5] && some.decision.deny == ["x", "y"])
        #expect(some.dropsWhenFull && some.position == 16000 && some.decision.minimumLevel == -50)
        #expect(some.decision.minimumRise == 3)
        let events = try parameters("emit=events")
        #expect(events.emission == .events && !events.subscription.frames && events.subscription.events)
    }

    @Test(arguments: [
        "streem=a", "stream=", "stream=a/b", "stream=.a", "stream=ä", "rate=0", "rate=x", "channels=0", "emit=",
        "emit=frames,loud", "emit=frames,changes", "emit=events,summary,frames", "threshold=nan",
        "class_threshold=0.5", "position=-1", "live=1", "sample_format=mp3", "channel=left", "min_duration_ms=-1",
        "every=0", "every=2&every=3", "every=2&every=2", "stream=a&stream=b", "threshold=0.3%00", "min_rise_db=6%001",
        "class_threshold=yes=0.5%00",
    ])
    func wrongParametersAreNamed(query: String) throws {
        let name = String(query.prefix { $0 != "=" })
        let refusal = try #require(throws: AdmissionRefusal.self) { try parameters(query) }
        #expect(refusal.reason == .request && refusal.message.contains(name), "\(refusal.message)")
    }

    private func head(_ headers: [(String, String)]) -> HTTPRequestHead {
        HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: HTTPHeaders(headers))
    }

    @Test func tokensAreCompared() {
        let access = AccessControl(token: "a secret token", hosts: [], isLocal: false)
        #expect(access.verdict(head([]), isPublic: false) == .unauthorized)
        #expect(access.verdict(head([]), isPublic: true) == .allowed)
        let digits = Array("a secret token".utf8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        for good in [
            ("Authorization", "Bearer a secret token"), ("authorization", "bearer a secret token"),
            ("Sec-WebSocket-Protocol", "audio-classifierd, bearer.\(digits)"),
        ] { #expect(access.verdict(head([good]), isPublic: false) == .allowed, "\(good)") }
        for bad in [
            ("Authorization", "Bearer a secret toke"), ("Authorization", "Bearer a secret token2"),
            ("Authorization", "Basic a secret token"), ("Authorization", "Bearer"), ("Authorization", ""),
            ("Sec-WebSocket-Protocol", "bearer.\(digits)0"), ("Sec-WebSocket-Protocol", "bearer.xx"),
        ] { #expect(access.verdict(head([bad]), isPublic: false) == .unauthorized, "\(bad)") }
        #expect(AccessControl.isEqual([], []) && !AccessControl.isEqual([], [0]) && !AccessControl.isEqual([0], []))
    }

    // MARK: Bodies

    /// The time left for a body follows from the least rate and the longest silence.
    @Test func bodiesHaveTheTimeOfTheirBytes() {
        let rate = Int(BodyPace.leastRate)
        var slow = BodyPace(limit: 30, at: 100)
        #expect(slow.deadline == 130)
        slow.receive(5 * rate, at: 110)
        #expect(slow.deadline == 135, "five seconds more")
        for second in 111...10_000 { slow.receive(rate, at: Double(second)) }
        #expect(slow.deadline > 10_000, "the least rate is enough for ever")
    }

    /// A client that has sent 60 MB has no more time for silence, or for a byte now and then, than another one.
    @Test func silenceEndsLargeBodies() {
        var pace = BodyPace(limit: 30, at: 0)
        pace.receive(60 << 20, at: 1)
        #expect(pace.deadline == 31)
        var time = 1.0
        while time < pace.deadline {
            pace.receive(1, at: time)
            time += 1
        }
        #expect(time < 33)
    }

    /// Time in which the service does not read is not the client's.
    @Test func slowServiceEndsNoBody() {
        var pace = BodyPace(limit: 30, at: 0)
        pace.receive(1 << 20, at: 10)
        pace.stop(at: 10)
        pace.stop(at: 15)
        #expect(pace.isStopped && pace.deadline == 40)
        pace.resume(at: 1000)
        #expect(!pace.isStopped && pace.deadline == 1030)
        pace.resume(at: 1010)
        #expect(pace.deadline == 1030, "it is the client's silence now")
        pace.stop(at: 1010)
        pace.receive(1 << 20, at: 1020)
        #expect(!pace.isStopped && pace.deadline == 1050)
    }

    @Test func storedBodiesAreReadBack() throws {
        var file = try UploadedFile()
        var random = SplitMix64(seed: 6)
        // Two pieces of the reader, and a part of a third one.
        let bytes = (0..<150_000).map { _ in UInt8(random.integer(in: 0...255)) }
        try file.append(Array(bytes[..<7]))
        try file.append(Array(bytes[7...]))
        let read = try file.contents()
        #expect(read == bytes)
    }

    @Test func metricsEscapeLabels() {
        var text = PrometheusText()
        text.counter("events_total", "Events.", label: "label", ["a\"b\\c\nd": 2])
        text.gauge("load_ratio", "Load.", 0.25)
        #expect(
            text.text == """
                # HELP audio_classifierd_events_total Events.
                # TYPE audio_classifierd_events_total counter
                audio_classifierd_events_total{label="a\\"b\\\\c\\nd"} 2
                # HELP audio_classifierd_load_ratio Load.
                # TYPE audio_classifierd_load_ratio gauge
                audio_classifierd_load_ratio 0.25

                """)
        var histogram = Histogram()
        for value in [0.0001, 0.03, 100] { histogram.observe(value) }
        #expect(histogram.count == 3 && histogram.counts[0] == 1 && histogram.counts[Histogram.bounds.count] == 1)
    }
}
