internal import Dispatch
internal import Glibc
internal import StreamTransformer
internal import StrictCoding
internal import Synchronization
internal import TestSupport
internal import Testing

/// A stream that is suspended in one process and resumed in another gives the records of an uninterrupted stream.
@Suite struct SuspendTests {
    private static let hop = 160
    private static let samples = Sound.samples(3 * 16000)

    #if DEBUG
        // Without optimisation a process takes many times as long to start.
        private static let every = 15
    #else
        private static let every = 1
    #endif

    /// Runs the program on parts of the recording.
    private struct Runner: Sendable {
        let folder: String
        /// A small model of random weights starts faster than a real one, and predicts every 20 ms.
        let model: String

        func callAsFunction(_ range: Range<Int>, _ arguments: [String], model: String? = nil) throws -> Finished {
            let command = ["run", "-", "--input-format", "raw", "--model", model ?? self.model] + arguments
            if range.upperBound == samples.count {
                let file = ChildProcess.Input.file("\(folder)/all.raw", from: 2 * range.lowerBound)
                return try ChildProcess(command, input: file).wait()
            }
            return try Program.run(command, input: Sound.raw(Array(samples[range])))
        }

        /// The recording in two processes.
        func suspended(at position: Int, state: String, model: String? = nil) throws -> Finished {
            let first = try self(0..<position, ["--state-out", "\(folder)/\(state)"], model: model)
            let second = try self(position..<samples.count, ["--state-in", "\(folder)/\(state)"], model: model)
            return Finished(
                status: max(first.status, second.status), output: first.output + second.output,
                errors: first.errors + second.errors)
        }
    }

    private static var shape: ModelShape {
        var shape = ModelShape()
        shape.bands = 16
        shape.stem = .convolution([.init(channels: 4, timeStride: 2, bandStride: 2)])
        shape.window = 25
        shape.attention = .continualNystrom(landmarks: 4, inverse: .ridge(lambda: 0.01))
        return shape
    }

    private let folder: TemporaryDirectory
    private let files: TemporaryModel
    private let run: Runner

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(Sound.raw(Self.samples), to: "all.raw")
        files = try TemporaryModel(Self.shape)
        files.configuration = files.configuration.with(["frontend"], .object(["recipe": "yamnet", "bands": 16]))
        try files.write()
        run = Runner(folder: folder.path, model: "\(files.directory)/")
    }

    private var whole: Range<Int> { 0..<Self.samples.count }

    /// Suspended after every hop, and after some samples inside a hop.
    @Test func framesGoOnFromEveryPosition() throws {
        let (run, expected) = (run, try run(whole, []).lines("frame"))
        #expect(expected.count == 149)
        var random = SplitMix64(seed: 1)
        let hops = stride(from: Self.hop, to: Self.samples.count, by: Self.hop * Self.every)
        let positions = Array(hops) + (0..<10).map { _ in random.integer(in: 1...Self.samples.count - 1) }
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: positions.count) { index in
            do {
                let parts = try run.suspended(at: positions[index], state: "state-\(index)")
                guard parts.status != 0 || parts.lines("frame") != expected else { return }
                failures.withLock { $0.append("\(positions[index]): \(parts.errors)") }
            } catch {
                failures.withLock { $0.append("\(positions[index]): \(error)") }
            }
        }
        let found = failures.withLock { $0 }
        #expect(found.isEmpty, "suspended after so many samples: \(found)")
    }

    @Test(arguments: [1, 160, 879, 880, 8000, 23456, 47840])
    func shippedModelGoesOn(position: Int) throws {
        let expected = try run(whole, [], model: Program.model).lines("frame")
        let parts = try run.suspended(at: position, state: "state", model: Program.model)
        #expect(parts.status == 0 && parts.errors == "")
        #expect(expected.count == 74 && parts.lines("frame") == expected)
    }

    /// A process for each hop passes its state to the next one.
    @Test func eventsGoOnThroughManyProcesses() throws {
        let settings = [
            "--emit", "events", "--min-duration-ms", "40", "--max-gap-ms", "80", "--refractory-ms", "120", "--pad-ms",
            "20",
        ]
        // The first threshold at which random weights give some events.
        let found = try stride(from: 0.9, to: 0, by: -0.05).lazy.compactMap { threshold in
            let arguments = settings + ["--threshold", "\(threshold)", "--threshold-off", "\(threshold * 0.8)"]
            let lines = try run(whole, arguments).lines("event")
            return lines.count >= 8 ? (arguments: arguments, lines: lines) : nil
        }.first
        let (arguments, expected) = try #require(found)
        let state = "\(folder.path)/state"
        var lines: [String] = []
        let step = Self.hop * Self.every
        for start in stride(from: 0, to: Self.samples.count, by: step) {
            let end = min(start + step, Self.samples.count)
            var files = start == 0 ? [] : ["--state-in", state]
            if end < Self.samples.count { files += ["--state-out", state] }
            let part = try run(start..<end, arguments + files)
            try #require(part.status == 0, "\(part.errors)")
            lines += part.lines("event")
        }
        #expect(lines == expected)
    }

    /// The end of a resumed stream counts all frames, as that of an uninterrupted one.
    @Test func endCountsAllFrames() throws {
        let whole = try run(0..<Self.samples.count, [])
        let second = try run.suspended(at: Self.samples.count / 2, state: "state")
        #expect(try second.records("end").last?["frames"] == whole.records("end").first?["frames"])
    }

    @Test func stoppedStreamGoesOn() throws {
        let state = "\(folder.path)/state"
        let child = try ChildProcess(
            ["run", "-", "--input-format", "raw", "--model", run.model, "--state-out", state], input: .pipe)
        try child.write(Sound.raw(Array(Self.samples[..<10000])))
        // The last prediction of this number of samples.
        try child.waitForOutput { $0.contains("\"frame\":29,") }
        child.send(signal: SIGTERM)
        let first = try child.wait()
        let second = try run(10000..<Self.samples.count, ["--state-in", state])
        #expect(first.status == 0 && second.status == 0)
        #expect(first.lines("frame") + second.lines("frame") == (try run(whole, []).lines("frame")))
    }

    @Test func otherStatesAreRefused() throws {
        try folder.write(Array("not a state".utf8), to: "text")
        let wrong = try run(whole, ["--state-in", "\(folder.path)/text"])
        #expect(wrong.status == 65 && wrong.errors.contains("\(folder.path)/text"))
        let missing = try run(whole, ["--state-in", "\(folder.path)/none"])
        #expect(missing.status == 66 && missing.errors.contains("\(folder.path)/none"))
        let unwritable = try run(whole, ["--state-out", "\(folder.path)/none/state"])
        #expect(unwritable.status == 74 && unwritable.errors.contains("none/state"))
        let resampled = try run(whole, ["--rate", "48000", "--state-out", "\(folder.path)/state"])
        #expect(resampled.status == 64 && resampled.errors.contains("16000 Hz"))
        _ = try run(whole, ["--state-out", "\(folder.path)/state"])
        let another = try run(whole, ["--state-in", "\(folder.path)/state"], model: Program.model)
        #expect(another.status == 65 && another.errors.contains("belongs to random"))
    }

    /// The same weights behind another front-end, or with the labels in another order, are another model.
    @Test func statesOfAnotherMeaningAreRefused() throws {
        _ = try run(whole, ["--state-out", "\(folder.path)/state"])
        let labels = try #require(files.configuration["labels"]?.elements)
        let changes: [(String, JSONValue)] = [
            ("labels", .array(labels.reversed())),
            ("frontend", .object(["recipe": "yamnet", "bands": 16, "log": "decibel"])),
            ("frontend", .object(["recipe": "yamnet", "bands": 16, "window_length": 320])),
        ]
        for (key, value) in changes {
            let other = try TemporaryModel(Self.shape)
            other.configuration = files.configuration.with([key], value)
            try other.write()
            let refused = try run(whole, ["--state-in", "\(folder.path)/state"], model: other.directory + "/")
            #expect(refused.status == 65 && refused.errors.contains("belongs to random"), "\(refused.errors)")
        }
    }
}
