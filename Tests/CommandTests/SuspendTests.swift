internal import Dispatch
internal import Glibc
internal import Synchronization
internal import TestSupport
internal import Testing

/// A stream that is suspended in one process and resumed in another goes on as if nothing had been.
@Suite struct SuspendTests {
    private static let hop = 160
    private static let samples = Sound.samples(3 * 16000)
    private static let stream = ["run", "-", "--input-format", "raw"]

    #if DEBUG
        // Without optimisation a process takes many times as long to start.
        private static let every = 15
    #else
        private static let every = 1
    #endif

    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(Sound.raw(Self.samples), to: "all.raw")
    }

    /// Runs the program on a part of the recording.
    private func run(_ range: Range<Int>, _ arguments: [String]) throws -> Finished {
        let child: ChildProcess
        if range.upperBound == Self.samples.count {
            let file = ChildProcess.Input.file("\(folder.path)/all.raw", from: 2 * range.lowerBound)
            child = try ChildProcess(Self.stream + arguments, input: file)
        } else {
            child = try ChildProcess(Self.stream + arguments, input: .pipe)
            try child.write(Sound.raw(Array(Self.samples[range])))
            child.closeInput()
        }
        return try child.wait()
    }

    /// After every hop, and after some samples that are no hop's last.
    @Test func framesGoOnFromEveryPosition() throws {
        let whole = try run(0..<Self.samples.count, []).lines("frame")
        #expect(whole.count == 74)
        var random = SplitMix64(seed: 1)
        let hops = stride(from: Self.hop, to: Self.samples.count, by: Self.hop * Self.every)
        let positions = Array(hops) + (0..<10).map { _ in random.integer(in: 1...Self.samples.count - 1) }
        let failures = Mutex<[String]>([])
        let suite = self
        DispatchQueue.concurrentPerform(iterations: positions.count) { index in
            let position = positions[index]
            let state = "\(suite.folder.path)/state-\(index)"
            do {
                let first = try suite.run(0..<position, ["--state-out", state])
                let second = try suite.run(position..<Self.samples.count, ["--state-in", state])
                guard first.status == 0, second.status == 0, first.lines("frame") + second.lines("frame") == whole
                else {
                    failures.withLock { $0.append("\(position): \(first.errors)\(second.errors) other frames") }
                    return
                }
            } catch {
                failures.withLock { $0.append("\(position): \(error)") }
            }
        }
        let found = failures.withLock { $0 }
        #expect(found.isEmpty, "suspended at these samples: \(found)")
    }

    /// A process for each hop, each of which hands its state to the next.
    @Test func eventsGoOnThroughManyProcesses() throws {
        let settings = [
            "--emit", "events", "--min-duration-ms", "40", "--max-gap-ms", "80", "--refractory-ms", "120", "--pad-ms",
            "20",
        ]
        // Low enough for the model to find something in these sounds, which are none that it knows.
        let found = try ["0.5", "0.2", "0.1", "0.05", "0.02", "0.01", "0.003", "0.001"].lazy.compactMap { threshold in
            let arguments = settings + ["--threshold", threshold]
            let lines = try run(0..<Self.samples.count, arguments).lines("event")
            return lines.count >= 6 ? (arguments: arguments, lines: lines) : nil
        }.first
        let (arguments, whole) = try #require(found)
        let state = "\(folder.path)/state"
        var lines: [String] = []
        let step = Self.hop * Self.every
        for start in stride(from: 0, to: Self.samples.count, by: step) {
            let end = min(start + step, Self.samples.count)
            let isFirst = start == 0
            let isLast = end == Self.samples.count
            let part = try run(
                start..<end,
                arguments + (isFirst ? [] : ["--state-in", state]) + (isLast ? [] : ["--state-out", state]))
            try #require(part.status == 0, "\(part.errors)")
            lines += part.lines("event")
        }
        #expect(lines == whole)
    }

    @Test func stoppedStreamGoesOn() throws {
        let whole = try run(0..<Self.samples.count, []).lines("frame")
        let state = "\(folder.path)/state"
        let child = try ChildProcess(Self.stream + ["--state-out", state], input: .pipe)
        // The prediction that ends at this sample is the 31st.
        let position = 400 + 3 * Self.hop + 30 * 4 * Self.hop
        try child.write(Sound.raw(Array(Self.samples[..<position])))
        try child.waitForOutput { $0.contains("\"frame\":30,") }
        child.send(signal: SIGTERM)
        let first = try child.wait()
        let second = try run(position..<Self.samples.count, ["--state-in", state])
        #expect(first.status == 0 && second.status == 0)
        #expect(first.lines("frame") + second.lines("frame") == whole)
    }

    @Test func otherStatesAreRefused() throws {
        try folder.write(Array("not a state".utf8), to: "text")
        let wrong = try run(0..<Self.samples.count, ["--state-in", "\(folder.path)/text"])
        #expect(wrong.status == 65 && wrong.errors.contains("\(folder.path)/text"))
        let missing = try run(0..<Self.samples.count, ["--state-in", "\(folder.path)/none"])
        #expect(missing.status == 66 && missing.errors.contains("\(folder.path)/none"))
        let unwritable = try run(0..<Self.samples.count, ["--state-out", "\(folder.path)/none/state"])
        #expect(unwritable.status == 74 && unwritable.errors.contains("none/state"))
        let resampled = try run(0..<Self.samples.count, ["--rate", "48000", "--state-out", "\(folder.path)/state"])
        #expect(resampled.status == 64 && resampled.errors.contains("16000 Hz"))
    }
}
