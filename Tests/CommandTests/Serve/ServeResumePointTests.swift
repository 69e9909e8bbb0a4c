internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A followed file is resumed at its position after a restart of the service.
@Suite struct ServeResumePointTests {
    private let folder: TemporaryDirectory
    private static let raw = Sound.raw(Sound.samples(48_000))

    init() throws { folder = try TemporaryDirectory() }

    private func serve(from: String = "end") throws -> Server {
        let yaml = """
            state: {folder: "\(folder.path)/states", every_seconds: 0.1}
            sources:
              - {name: log, follow: "\(folder.path)/log", from: \(from), rate: 16000}
            """
        try folder.write(Array(yaml.utf8), to: "serve.yaml")
        return try Server(arguments: ["--config", "\(folder.path)/serve.yaml"])
    }

    private func append(_ bytes: some Sequence<UInt8>) throws {
        let bytes = Array(bytes)
        let file = unsafe open("\(folder.path)/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(file) }
        let written = unsafe write(file, bytes, bytes.count)
        try #require(written == bytes.count)
    }

    private func position(_ server: Server) throws -> Double? {
        let reply = try server.request("GET", "/v1/streams/log")
        return reply.status == 200 ? try reply.json()["sample"]?.number : nil
    }

    private func wait(_ server: Server, at sample: Double?) throws {
        for _ in 0..<1500 {
            if try position(server) == sample { return }
            usleep(20_000)
        }
        throw ChildProcess.Failure(description: "the stream is at \(String(describing: try position(server)))")
    }

    /// Waits until a state of the stream has been saved.
    private func waitForState() throws {
        for _ in 0..<600 where !FileManager.default.fileExists(atPath: "\(folder.path)/states/log.state") {
            usleep(50_000)
        }
        try #require(FileManager.default.fileExists(atPath: "\(folder.path)/states/log.state"))
    }

    /// Audio that was written during a restart is classified bit for bit as without the restart.
    @Test(arguments: [SIGKILL, SIGTERM], [false, true]) func streamIsResumed(signal: Int32, isWave: Bool) throws {
        // Audio from before the first start is skipped.
        var wave = WaveFile(Sound.samples(3000, seed: 2))
        wave.rate = 16_000
        try append(isWave ? wave.bytes : wave.data)
        let whole = try Program.run(
            ["run", "-", "--input-format", "raw", "--source-name", "log"], input: Self.raw
        ).lines("frame")
        let first = try serve()
        try first.child.waitForErrors { $0.contains("listening") }
        usleep(300_000)
        try append(Self.raw[..<20_000])
        try wait(first, at: 10_000)
        try waitForState()
        try append(Self.raw[20_000..<40_001])
        first.child.send(signal: signal)
        _ = try first.child.wait()
        try append(Self.raw[40_001..<60_000])
        let second = try serve()
        try second.child.waitForErrors { $0.contains("/log is resumed at byte ") }
        try wait(second, at: 30_000)
        let watcher = try WebSocketClient(second, "/v1/streams/log/watch?emit=frames")
        #expect(try watcher.receive() != nil)
        try append(Self.raw[60_000...])
        var frames: [String] = []
        while frames.last != whole.last, case .text(let text)? = try watcher.receive() {
            if text.hasPrefix("{\"type\":\"frame\",") { frames.append(text) }
        }
        #expect(frames.count > 20 && frames == whole.suffix(frames.count))
        #expect(try second.stop().status == 0)
        // A restart without new audio resumes, too.
        let third = try serve()
        try wait(third, at: 48_000)
        #expect(try third.stop().status == 0)
    }

    /// A replaced or shortened file begins a new stream, and the log gives the reason.
    @Test(arguments: ["replaced", "shorter", "anew", "gone"]) func otherFilesBeginAfresh(_ change: String) throws {
        let first = try serve(from: "start")
        try append(Self.raw[..<20_000])
        try wait(first, at: 10_000)
        #expect(try first.stop().status == 0)
        let path = "\(folder.path)/log"
        switch change {
        case "replaced":
            try folder.write(Array(Self.raw[..<24_000]), to: "other")
            try #require(unsafe rename("\(folder.path)/other", path) == 0)
        case "shorter": try #require(unsafe truncate(path, 16_000) == 0)
        case "anew":
            try #require(unsafe truncate(path, 0) == 0)
            try append(Self.raw[30_000..<60_000])
        default: try #require(unsafe unlink(path) == 0)
        }
        let second = try serve(from: "start")
        let words = [
            "replaced": "has been replaced", "shorter": "has become shorter", "anew": "has been rewritten",
            "gone": "is not there",
        ]
        try second.child.waitForErrors { $0.contains("\(words[change] ?? "?"); its stream begins afresh") }
        if change == "gone" { try append(Self.raw[..<8000]) }
        try wait(second, at: ["replaced": 12_000, "shorter": 8000, "anew": 15_000, "gone": 4000][change])
        #expect(try second.stop().status == 0)
    }

    /// An event that is open over a restart keeps its identity, and a stream that begins afresh has others.
    @Test func identitiesOfEventsAreKept() throws {
        let yaml = """
            state: {folder: "\(folder.path)/states", every_seconds: 0.1}
            events: {stdout: true}
            sources:
              - name: log
                follow: "\(folder.path)/log"
                from: start
                rate: 16000
                decision: {threshold: 0.000000001, threshold_off: 0.000000001, allow: ["yes"], min_duration_ms: 0}
            """
        try folder.write(Array(yaml.utf8), to: "serve.yaml")
        func identities(_ server: Server, phase: String) throws -> [String] {
            try server.child.waitForOutput { $0.contains("\"phase\":\"\(phase)\"") }
            return try server.child.outputSoFar.split(separator: "\n").filter { $0.contains("\"phase\":\"\(phase)\"") }
                .compactMap { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))["id"]?.string }
        }
        var starts: [String] = []
        for round in 0..<2 {
            let first = try Server(arguments: ["--config", "\(folder.path)/serve.yaml"])
            try append(Self.raw[..<40_000])
            try wait(first, at: 20_000)
            starts += try identities(first, phase: "start")
            try waitForState()
            usleep(500_000)
            first.child.send(signal: SIGKILL)
            _ = try first.child.wait()
            let second = try Server(arguments: ["--config", "\(folder.path)/serve.yaml"])
            try append(Self.raw[40_000..<60_000])
            try wait(second, at: 30_000)
            #expect(try second.stop().status == 0)
            #expect(try Set(identities(second, phase: "end")).isSubset(of: Set(starts)), "round \(round)")
            // The file is written anew while no service runs.
            try #require(unsafe truncate("\(folder.path)/log", 0) == 0)
        }
        #expect(Set(starts).count == starts.count && starts.count >= 2, "\(starts)")
    }

    /// After silence the next bytes begin another stream, and a restart in between loses none of them.
    @Test func silenceKeepsThePosition() throws {
        let yaml = """
            limits: {idle_seconds: 1}
            state: {folder: "\(folder.path)/states", every_seconds: 0.1}
            sources: [{name: log, follow: "\(folder.path)/log"}]
            """
        try folder.write(Array(yaml.utf8), to: "serve.yaml")
        let arguments = ["--config", "\(folder.path)/serve.yaml"]
        let first = try Server(arguments: arguments)
        try append(Self.raw[..<20_000])
        for _ in 0..<1500 {
            if try first.metric("stream_ends_total{reason=\"idle\"}") == 1 { break }
            usleep(20_000)
        }
        #expect(try first.metric("stream_ends_total{reason=\"idle\"}") == 1)
        #expect(try first.stop().status == 0)
        try append(Self.raw[20_000..<36_000])
        let second = try Server(["limits.idle_seconds=60"], arguments: arguments)
        try second.child.waitForErrors { $0.contains("/log is resumed at byte 20000 sample=0") }
        try wait(second, at: 8000)
        #expect(try second.stop().status == 0)
    }
}
