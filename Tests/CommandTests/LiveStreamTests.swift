internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A stream with an open input: predictions are written at once, and signals end it properly.
@Suite struct LiveStreamTests {
    private static let stream = ["run", "-", "--input-format", "raw"]
    /// Number of samples up to the first prediction, and from one to the next.
    private static let first = 880
    private static let hop = 640

    private func count(_ type: String, in output: String) -> Int {
        output.split(separator: "\n").filter { $0.hasPrefix("{\"type\":\"\(type)\",") }.count
    }

    /// Each prediction is written as soon as its last sample has arrived, and not before.
    @Test func predictionsDoNotWaitForMoreInput() throws {
        let samples = Sound.samples(Self.first + 20 * Self.hop)
        let child = try ChildProcess(Self.stream, input: .pipe)
        try child.waitForOutput { count("start", in: $0) == 1 }
        try child.write(Sound.raw(Array(samples[..<(Self.first - 1)])), piece: 320)
        var sent = Self.first - 1
        for frame in 0..<20 {
            // One sample less than needed, and some time in which a prediction could be written too early.
            usleep(2000)
            #expect(count("frame", in: child.outputSoFar) == frame)
            try child.write(Sound.raw([samples[sent]]))
            sent += 1
            try child.waitForOutput { count("frame", in: $0) == frame + 1 }
            try child.write(Sound.raw(Array(samples[sent..<sent + Self.hop - 1])), piece: 320)
            sent += Self.hop - 1
        }
        child.closeInput()
        let finished = try child.wait()
        #expect(finished.status == 0 && finished.lines("frame").count == 20)
    }

    /// Without options of the format a stream is identified by its first bytes, and predictions still do not wait for
    /// more input.
    @Test func formatIsFoundFromTheFirstBytes() throws {
        for bytes in [Sound.raw(Sound.samples(Self.first)), WaveFile(Sound.samples(Self.first)).bytes] {
            let child = try ChildProcess(["run", "-"], input: .pipe)
            try child.write(bytes)
            try child.waitForOutput { count("frame", in: $0) == 1 }
            child.closeInput()
            #expect(try child.wait().status == 0)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func signalEndsAWaitingStream(signal: Int32) throws {
        // With the lowest thresholds, events are open from the first prediction on.
        let always = ["--emit", "events", "--threshold", "1e-9", "--threshold-off", "1e-9"]
        let child = try ChildProcess(Self.stream + always, input: .pipe)
        try child.write(Sound.raw(Sound.samples(16000)))
        try child.waitForOutput { count("event", in: $0) > 0 }
        child.send(signal: signal)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == 0 && finished.errors == "")
        let events = try finished.records("event")
        let started = events.filter { $0["phase"] == "start" }.compactMap { $0["id"]?.string }
        let ended = events.filter { $0["phase"] == "end" }.compactMap { $0["id"]?.string }
        #expect(!started.isEmpty && Set(started) == Set(ended) && ended.count == Set(ended).count)
        #expect(try finished.records().last?["type"] == "end")
    }

    /// A signal before the first byte is not an error.
    @Test(arguments: [SIGTERM, SIGINT], [[], ["--input-format", "raw"], ["--input-format", "wav"]])
    func signalEndsASilentStream(signal: Int32, format: [String]) throws {
        let child = try ChildProcess(["run", "-", "--log-level", "info"] + format, input: .pipe)
        try child.waitForHandler(of: signal)
        child.send(signal: signal)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == 0 && !finished.errors.contains("error"), "\(finished)")
        #expect(finished.lines("end").count == 1 && finished.lines("frame").isEmpty)
    }

    /// A signal also ends the opening of a FIFO without a writer.
    @Test(arguments: [SIGTERM, SIGINT])
    func signalEndsAWaitForAWriter(signal: Int32) throws {
        let folder = try TemporaryDirectory()
        let fifo = "\(folder.path)/fifo"
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        let child = try ChildProcess(["run", fifo])
        try child.waitForHandler(of: signal)
        child.send(signal: signal)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == 0 && finished.lines("end").count == 1, "\(finished)")
    }

    /// A program that waits for an array has no work to complete.
    @Test func signalEndsAWaitForAnArray() throws {
        let folder = try TemporaryDirectory()
        let fifo = "\(folder.path)/fifo"
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        let out = "\(folder.path)/out.npy"
        let child = try ChildProcess(["encode", "--model", "keywords-en", "--features", fifo, "--out", out])
        // A writer's open returns when the program has opened its end.
        let descriptor = unsafe open(fifo, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        child.send(signal: SIGTERM)
        #expect(try child.wait(atMost: 10).status == -SIGTERM)
    }

    /// A program with an unread output cannot drain; the second signal, of either kind, ends it at once.
    @Test(arguments: [(SIGTERM, SIGTERM), (SIGINT, SIGTERM)])
    func secondSignalEndsAtOnce(first: Int32, second: Int32) throws {
        let child = try ChildProcess(Self.stream, input: .file("/dev/zero", from: 0), output: .pipe)
        var byte: UInt8 = 0
        #expect(unsafe read(child.outputPipe, &byte, 1) == 1)
        try child.waitUntilOutputIsFull()
        child.send(signal: first)
        usleep(200_000)
        #expect(!child.hasEnded())
        child.send(signal: second)
        #expect(try child.wait(atMost: 5).status == -second)
    }

    @Test func signalEndsClassify() throws {
        let folder = try TemporaryDirectory()
        let fifo = "\(folder.path)/fifo"
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        let descriptor = unsafe open(fifo, O_RDWR | O_CLOEXEC)
        defer { close(descriptor) }
        let child = try ChildProcess(["classify", fifo, "--emit", "frames", "--input-format", "raw"])
        let bytes = Sound.raw(Sound.samples(4000))
        #expect(unsafe write(descriptor, bytes, bytes.count) == bytes.count)
        try child.waitForOutput { count("frame", in: $0) > 3 }
        child.send(signal: SIGINT)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == 130 && finished.lines("end").count == 1)
    }

    /// The summary of a part of a pipe is marked: a whole one has no warning.
    @Test func stoppedSummarySaysSo() throws {
        let child = try ChildProcess(["classify", "-", "--input-format", "raw"], input: .pipe)
        try child.write(Sound.raw(Sound.samples(32000)))
        try child.waitForHandler(of: SIGTERM)
        usleep(500_000)
        child.send(signal: SIGTERM)
        let finished = try child.wait(atMost: 10)
        let summary = try #require(try finished.records("summary").first)
        #expect(summary["seconds"] == 2 && finished.errors.contains("was stopped after 2 s"), "\(finished)")
        #expect(summary["warnings"]?.elements.first?.string?.contains("was stopped after 2 s") == true)
        #expect(summary["warnings"]?.elements.count == 1)
        let whole = try Program.run(
            ["classify", "-", "--input-format", "raw"], input: Sound.raw(Sound.samples(32000)))
        #expect(try whole.records("summary").first?["warnings"] == nil)
    }

    /// Tables and formats of labels keep what was found, and have the reason.
    @Test(arguments: ["csv", "tsv", "audacity", "srt"])
    func stoppedTablesSaySo(format: String) throws {
        let emit = format.hasSuffix("sv") ? "summary" : "events"
        let options = ["--emit", emit, "--threshold", "0.001", "--threshold-off", "0.001", "--format", format]
        let child = try ChildProcess(["classify", "-", "--input-format", "raw"] + options, input: .pipe)
        try child.write(Sound.raw(Sound.samples(32000)))
        try child.waitForHandler(of: SIGTERM)
        usleep(500_000)
        child.send(signal: SIGTERM)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status != 0 && finished.output.contains("was stopped after 2 s"), "\(finished)")
        let whole = try Program.run(
            ["classify", "-", "--input-format", "raw"] + options, input: Sound.raw(Sound.samples(32000)))
        #expect(whole.lines.count > 1 && !whole.output.contains("was stopped"))
        #expect(finished.output.hasPrefix(whole.output), "\(finished.output)")
    }

    /// Audio does not come from a keyboard.
    @Test(arguments: [
        ["run", "-"], ["classify", "/dev/stdin"], ["classify", "-"], ["report", "-", "--svg", "x.svg"],
    ])
    func terminalIsRefused(words: [String]) throws {
        let line = ([Program.path] + words).map { "'\($0)'" }.joined(separator: " ")
        let finished = try ChildProcess(["-qec", line, "/dev/null"], program: "/usr/bin/script").wait(atMost: 20)
        #expect(finished.status == 64 && finished.output.contains("standard input is a terminal"), "\(finished)")
    }
}
