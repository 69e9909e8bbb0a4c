internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Sources of `serve`: commands and growing files.
@Suite struct ServeSourceTests {
    private let folder: TemporaryDirectory
    private static let raw = Sound.raw(Sound.samples(32_000))

    init() throws { folder = try TemporaryDirectory() }

    private func serve(_ sources: String, _ settings: [String] = []) throws -> Server {
        try folder.write(Array("sources:\n\(sources)\n".utf8), to: "serve.yaml")
        return try Server(settings, arguments: ["--config", "\(folder.path)/serve.yaml"])
    }

    private func expected(_ input: [UInt8], name: String) throws -> [String] {
        try Program.run(["run", "-", "--input-format", "raw", "--source-name", name], input: input).lines("frame")
    }

    /// Waits until a stream has reached a position.
    private func wait(_ server: Server, _ name: String, for sample: Double) throws {
        try waitUntil("\(name) at \(sample)") {
            let reply = try server.request("GET", "/v1/streams/\(name)")
            return try reply.status == 200 && (reply.json()["sample"]?.number ?? -1) >= sample
        }
    }

    private func waitUntil(_ what: String, _ isSo: () throws -> Bool) throws {
        for _ in 0..<3000 {
            if try isSo() { return }
            usleep(20_000)
        }
        throw ChildProcess.Failure(description: "never: \(what)")
    }

    private func frames(_ watcher: WebSocketClient, until sample: Int) throws -> [String] {
        var frames: [String] = []
        while case .text(let text)? = try watcher.receive() {
            guard text.hasPrefix("{\"type\":\"frame\",") else { continue }
            frames.append(text)
            let record = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            if Int(record["sample"]?.number ?? 0) >= sample { break }
        }
        return frames
    }

    private func watch(_ server: Server, _ name: String) throws -> WebSocketClient {
        let watcher = try WebSocketClient(server, "/v1/streams/\(name)/watch?emit=frames,events")
        #expect(try watcher.receive() != nil)
        return watcher
    }

    private func append(_ bytes: [UInt8], to name: String) throws {
        let file = unsafe open("\(folder.path)/\(name)", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(file) }
        let written = unsafe write(file, bytes, bytes.count)
        try #require(written == bytes.count)
    }

    private func isGone(_ process: String) -> Bool {
        guard let status = try? String(contentsOf: URL(filePath: "/proc/\(process)/stat"), encoding: .utf8) else {
            return true
        }
        return status.contains(") Z ")
    }

    // MARK: Commands

    /// The output of a command is classified, and its restart is a gap in the same stream.
    @Test func commandIsRestarted() throws {
        let pipe = "\(folder.path)/pipe"
        try #require(unsafe mkfifo(pipe, 0o600) == 0)
        // The FIFO is open at both ends, so that opening it does not block.
        var ends = unsafe open(pipe, O_RDWR | O_CLOEXEC)
        let server = try serve("  - {name: mic, command: [cat, \"\(pipe)\"]}")
        func send(_ bytes: ArraySlice<UInt8>) throws {
            let bytes = Array(bytes)
            try #require(unsafe write(ends, bytes, bytes.count) == bytes.count)
        }
        try send(Self.raw[..<800])
        try wait(server, "mic", for: 400)
        let watcher = try watch(server, "mic")
        try send(Self.raw[800..<32_000])
        let whole = try expected(Array(Self.raw[..<32_000]), name: "mic")
        #expect(try frames(watcher, until: 15_600) == whole)
        close(ends)
        try server.child.waitForErrors { $0.contains("cat ended with status 0; it is restarted in 0.5 s") }
        ends = unsafe open(pipe, O_RDWR | O_CLOEXEC)
        try send(Self.raw[32_000..<48_000])
        var gap: JSONValue?
        while gap == nil, case .text(let text)? = try watcher.receive() {
            if text.contains("\"gap\"") { gap = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) }
        }
        let lost = try #require(gap?["lost_samples"]?.number)
        #expect(gap?["sample"] == 16_000 && lost > 0)
        try wait(server, "mic", for: 16_000 + lost + 8000)
        #expect(try server.metric("source_restarts_total{source=\"mic\"}") >= 1)
        #expect(try server.request("GET", "/v1/streams/mic/state").status == 404, "other audio comes after a restart")
        close(ends)
        #expect(try server.stop().status == 0)
    }

    /// Commands that are missing, die, flood, or write errors disturb no stream and leave no process.
    @Test func badCommandsDisturbNoStream() throws {
        let server = try serve(
            """
              - {name: none, command: [/nonexistent/recorder, -q]}
              - {name: dies, command: [sh, -c, "echo no such device >&2; exit 3"]}
              - {name: loud, command: [sh, -c, "yes broken >&2 & exec sleep 1000"]}
              - name: flood
                command: [sh, -c, "cd \(folder.path); echo $$ >leader; sleep 1000 & echo $! >other; exec cat /dev/zero"]
            """)
        let good = try WebSocketClient(server, "/v1/stream?stream=good")
        try server.child.waitForErrors { text in
            text.contains("/nonexistent/recorder cannot be started: No such file")
                && text.contains("sh ended with status 3; it is restarted in 1 s")
                && text.contains("no such device source=dies")
        }
        try wait(server, "flood", for: 32_000)
        for start in stride(from: 0, to: Self.raw.count, by: 4000) {
            try good.send(Array(Self.raw[start..<start + 4000]))
        }
        try good.send(text: "{\"type\":\"end\"}")
        #expect(try good.receiveAll().texts("frame") == expected(Self.raw, name: "good"))
        #expect(try server.metric("source_restarts_total{source=\"none\"}") >= 2)
        #expect(try server.metric("source_restarts_total{source=\"flood\"}") == 0)
        #expect(try server.metric("dropped_samples_total") == 0, "a command that is too fast waits")
        let leader = String(decoding: try folder.read("leader"), as: UTF8.self).filter(\.isNumber)
        let other = String(decoding: try folder.read("other"), as: UTF8.self).filter(\.isNumber)
        #expect(!isGone(leader) && !isGone(other))
        let finished = try server.stop()
        #expect(finished.status == 0)
        #expect(isGone(leader) && isGone(other), "processes that a command has started end with it")
        let broken = finished.errors.split(separator: "\n").filter {
            $0.contains(": broken")
        }
        #expect((1...200).contains(broken.count), "the log is bounded")
    }

    /// A command may write WAV in place of raw PCM, several ones too; their headers say the format.
    @Test func commandsMayWriteWave() throws {
        let halves = [Self.raw.prefix(2 * 20_000), Self.raw.dropFirst(2 * 20_000)].map { half in
            WaveFile(
                stride(from: half.startIndex, to: half.endIndex, by: 2).map { index in
                    Int16(bitPattern: UInt16(half[index]) | UInt16(half[index + 1]) << 8)
                }
            ).bytes
        }
        try folder.write(halves[0] + halves[1], to: "two.wav")
        let server = try serve(
            """
              - name: wave
                rate: 48000
                channels: 2
                command: [sh, -c, "sleep 1; cat \(folder.path)/two.wav; exec sleep 1000"]
            """)
        try wait(server, "wave", for: 31_000)
        let position = try server.request("GET", "/v1/streams/wave").json()["sample"]?.number ?? 0
        #expect(position <= 32_000, "no byte of a header is heard")
        #expect(try server.stop().status == 0)
    }

    /// Other containers are no samples, and the log says what a source may write.
    @Test func otherContainersOfCommandsAreRefused() throws {
        try folder.write(Array("fLaC".utf8) + Self.raw, to: "a.flac")
        let server = try serve("  - {name: coded, command: [cat, \"\(folder.path)/a.flac\"]}")
        try server.child.waitForErrors { $0.contains("not raw PCM; a source has raw PCM or WAV") }
        #expect(try server.stop().status == 0)
    }

    @Test func idleCommandIsRestarted() throws {
        let server = try serve("  - {name: mute, command: [sleep, 1000]}", ["limits.idle_seconds=1"])
        try server.child.waitForErrors { $0.contains("sleep wrote nothing for 1 s; it is restarted") }
        #expect(try server.stop().status == 0)
    }

    // MARK: Files

    /// What is refused at a file's beginning stays refused: later bytes do not look like FLAC.
    @Test func refusedFileIsNotHeardLater() throws {
        try folder.write(Array("fLaC".utf8) + Self.raw + Self.raw + Self.raw, to: "a.flac")
        let server = try serve("  - {name: coded, follow: \"\(folder.path)/a.flac\", from: start}")
        try server.child.waitForErrors { $0.components(separatedBy: "these bytes are FLAC").count > 3 }
        #expect(try server.stop().status == 0)
    }

    /// A file that appears later, grows and is rotated is one stream; a truncated file begins a new one.
    @Test func fileIsFollowed() throws {
        let server = try serve("  - {name: log, follow: \"\(folder.path)/a.raw\"}", ["limits.idle_seconds=300"])
        try append(Array(Self.raw[..<800]), to: "a.raw")
        try wait(server, "log", for: 400)
        let watcher = try watch(server, "log")
        try append(Array(Self.raw[800..<20_000]), to: "a.raw")
        try wait(server, "log", for: 10_000)
        // The writer continues for a moment after the rotation.
        try #require(unsafe rename("\(folder.path)/a.raw", "\(folder.path)/a.raw.1") == 0)
        try append(Array(Self.raw[20_000..<40_000]), to: "a.raw.1")
        try append(Array(Self.raw[40_000...]), to: "a.raw")
        try wait(server, "log", for: 32_000)
        let whole = try expected(Self.raw, name: "log")
        #expect(try frames(watcher, until: 31_600) == whole)
        try #require(unsafe truncate("\(folder.path)/a.raw", 0) == 0)
        try waitUntil("the cut is seen") { try server.request("GET", "/v1/streams/log").status == 404 }
        try append(Array(Self.raw[..<8000]), to: "a.raw")
        try wait(server, "log", for: 4000)
        #expect(try server.request("GET", "/v1/streams/log").json()["sample"] == 4000)
        var ends = 0
        while ends == 0, let message = try watcher.receive() { ends = [message].texts("end").count }
        #expect(ends == 1)
        #expect(try server.stop().status == 0)
    }

    /// Identities of events are the stream, the sample and the label, and differ when the same samples of a file come
    /// again, in another stream.
    @Test func identitiesOfEventsDifferAfterATruncation() throws {
        let server = try serve(
            """
              - name: log
                follow: \(folder.path)/a.raw
                from: start
                decision: {threshold: 0.000000001, threshold_off: 0.000000001, allow: ["yes"], min_duration_ms: 0}
            """, ["limits.idle_seconds=300", "events.stdout=true"])
        func identities(_ count: Int) throws -> [String] {
            try server.child.waitForOutput { $0.split(separator: "\n").count >= count }
            return try server.child.outputSoFar.split(separator: "\n").map {
                try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))["id"]?.string ?? ""
            }
        }
        for round in 1...3 {
            try append(Self.raw, to: "a.raw")
            try wait(server, "log", for: 32_000)
            try #require(unsafe truncate("\(folder.path)/a.raw", 0) == 0)
            _ = try identities(2 * round)
        }
        let found = try identities(6)
        #expect(found.count == 6 && Set(found).count == 3, "\(found)")
        let run = try Program.run(
            ["run", "-", "--source-name", "log", "--emit", "events", "--allow", "yes", "--min-duration-ms", "0"]
                + ["--threshold", "0.000000001", "--threshold-off", "0.000000001", "--input-format", "raw"],
            input: Self.raw)
        let expected = try run.records("event").compactMap { $0["id"]?.string }.map { $0.dropFirst("log".count) }
        let ends = found.map { $0.dropFirst("log~".count + 7) }
        #expect(expected.count == 2 && ends == expected + expected + expected, "\(found)")
        #expect(found.allSatisfy { $0.hasPrefix("log~") })
        #expect(try server.stop().status == 0)
    }

    /// After a restart the same samples of a command or of a file are other events: their identities differ. So they do
    /// where a state would be kept, but the file has another rate than the model or the service was killed before.
    @Test(arguments: ["command", "end", "start", "8000", "unsaved"])
    func identitiesDifferAfterARestart(source: String) throws {
        try append(Self.raw, to: "a.raw")
        let origin =
            source == "command"
            ? "command: [sh, -c, \"cat \(folder.path)/a.raw; exec sleep 1000\"]"
            : "follow: \"\(folder.path)/a.raw\"\n    from: \(source == "end" ? "end" : "start")"
        let rate = source == "8000" ? "\n    rate: 8000" : ""
        let state =
            ["8000", "unsaved"].contains(source)
            ? ["state.folder=\(folder.path)/states", "state.every_seconds=3600"] : []
        let decision = "{threshold: 0.000000001, threshold_off: 0.000000001, allow: [\"yes\"], min_duration_ms: 0}"
        var identities: [String] = []
        for _ in 1...3 {
            let server = try serve(
                "  - name: log\n    \(origin)\(rate)\n    decision: \(decision)\n", ["events.stdout=true"] + state)
            usleep(300_000)
            if source == "end" { try append(Self.raw, to: "a.raw") }
            try server.child.waitForOutput { $0.contains("\"phase\":\"start\"") }
            server.child.send(signal: SIGKILL)
            let finished = try server.child.wait()
            let record = try #require(finished.records("event").last { $0["phase"] == .string("start") })
            identities.append(try #require(record["id"]?.string))
        }
        #expect(Set(identities).count == 3, "\(identities)")
        #expect(identities.allSatisfy { $0.hasPrefix("log~") && $0.hasSuffix("-yes") })
    }

    /// The log says once that a file is missing, and that it has come.
    @Test func missingFileIsNamed() throws {
        let server = try serve("  - {name: log, follow: \"\(folder.path)/a.raw\"}")
        try server.child.waitForErrors { $0.contains("waiting for \(folder.path)/a.raw") }
        usleep(500_000)
        #expect(!server.child.errorsSoFar.contains("a.raw is there"))
        try append(Self.raw, to: "a.raw")
        try server.child.waitForErrors { $0.contains("\(folder.path)/a.raw is there") }
        try wait(server, "log", for: 32_000)
        let finished = try server.stop()
        #expect(finished.errors.ranges(of: "waiting for ").count == 1, "\(finished.errors)")
        #expect(finished.errors.ranges(of: " is there").count == 1, "\(finished.errors)")
    }

    /// A writer that does not append goes on behind a hole after a truncation (copytruncate of logrotate). The hole is
    /// no audio.
    @Test func holeIsNotHeard() throws {
        let path = "\(folder.path)/a.raw"
        let writer = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(writer) }
        func write(_ bytes: ArraySlice<UInt8>) throws {
            let bytes = Array(bytes)
            try #require(unsafe Glibc.write(writer, bytes, bytes.count) == bytes.count)
        }
        let server = try serve("  - {name: log, follow: \"\(path)\", from: start}", ["limits.idle_seconds=300"])
        try write(Self.raw[..<40_000])
        try wait(server, "log", for: 20_000)
        try #require(ftruncate(writer, 0) == 0)
        try waitUntil("the cut is seen") { try server.request("GET", "/v1/streams/log").status == 404 }
        try write(Self.raw[40_000...])
        try server.child.waitForErrors { $0.contains("/a.raw has a hole up to byte 40000, where its writer went on") }
        try wait(server, "log", for: 12_000)
        #expect(try server.request("GET", "/v1/streams/log").json()["sample"] == 12_000)
        #expect(try server.stop().status == 0)
    }

    /// Existing audio is skipped or read, as configured; the header of a WAV file gives its format.
    @Test func fileIsFollowedFromItsEndOrStart() throws {
        var wave = WaveFile(Sound.samples(16_000))
        wave.rate = 16_000
        try append(wave.bytes, to: "a.wav")
        try append(Array(Self.raw[..<32_000]), to: "b.raw")
        let server = try serve(
            """
              - {name: whole, follow: "\(folder.path)/a.wav", from: start, sample_format: u8, rate: 8000, channels: 2}
              - {name: tail, follow: "\(folder.path)/b.raw"}
              - {name: pipe, follow: /dev/null}
            """)
        try wait(server, "whole", for: 16_000)
        try append(Array(Self.raw[..<8000]), to: "a.wav")
        try append(Array(Self.raw[..<8000]), to: "b.raw")
        try wait(server, "whole", for: 20_000)
        try wait(server, "tail", for: 4000)
        #expect(try server.request("GET", "/v1/streams/tail").json()["sample"] == 4000)
        #expect(try server.request("GET", "/v1/streams/whole").json()["sample"] == 20_000)
        try server.child.waitForErrors { $0.contains("/dev/null: is no regular file") }
        #expect(try server.stop().status == 0)
    }

    /// Events end when their source stops.
    @Test func idleFileEndsItsEvents() throws {
        let server = try serve(
            """
              - name: log
                follow: \(folder.path)/a.raw
                decision: {threshold: 0.000000001, threshold_off: 0.000000001, allow: ["yes"], min_duration_ms: 0}
            """, ["limits.idle_seconds=2", "events.stdout=true"])
        try append(Self.raw, to: "a.raw")
        try server.child.waitForOutput { $0.contains("\"phase\":\"end\"") }
        #expect(try server.metric("stream_ends_total{reason=\"idle\"}") == 1)
        #expect(try server.stop().status == 0)
    }
}
