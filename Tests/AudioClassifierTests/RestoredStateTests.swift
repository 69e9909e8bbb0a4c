internal import AudioClassifier
internal import StreamTransformer
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A state with a good checksum whose parts contradict each other is refused as a whole; `PUT` of the service asks the
/// same check.
@Suite struct RestoredStateTests {
    private let model: AudioModel
    private let files: TemporaryModel

    init() throws { (model, files) = try audioModel() }

    /// Returns the whole state of a stream after some samples, and the offset of the stream's own part.
    private func state(
        samples count: Int = 2000, of other: AudioModel? = nil
    ) throws -> (bytes: [UInt8], start: Int) {
        let model = other ?? model
        var pipeline = try ClassifierPipeline(model)
        var reporter = try reporter(model)
        try pipeline.push(noise(count, seed: 1).span) { _ = reporter.records($0) }
        var writer = StateFile.begin(model)
        let start = StateFile.seal(writer).count
        pipeline.snapshot(to: &writer)
        reporter.snapshot(to: &writer)
        return (StateFile.seal(writer), start)
    }

    private func reporter(_ model: AudioModel) throws -> StreamReporter {
        let configuration = model.network.configuration
        var options = ReportOptions(rules: try DecisionRules(configuration))
        options.addsEvents = true
        return StreamReporter(configuration, stream: "s", options: options)
    }

    /// Returns the state with another integer at `offset`, and a good checksum.
    private func changed(_ bytes: [UInt8], at offset: Int, _ change: (Int64) -> Int64) -> [UInt8] {
        var result = bytes
        let old = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        let new = UInt64(bitPattern: change(Int64(bitPattern: old)))
        for byte in 0..<8 { result[offset + byte] = UInt8(truncatingIfNeeded: new >> UInt64(8 * byte)) }
        return sealed(result)
    }

    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        let sum = fnv1a(bytes[16...])
        for byte in 0..<8 { result[8 + byte] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * byte)) }
        return result
    }

    @Test func soundStatesAreAccepted() throws {
        for count in [0, 1, 159, 400, 401, 2000, 6401] {
            let (bytes, _) = try state(samples: count)
            try StateFile.check(bytes, model: model)
            #expect(bytes.count <= (try StateFile.largestSize(model)))
        }
    }

    /// The levels before an event are part of the state: the largest one has as many as the delay spans, and those of a
    /// second at least, for the rise that any stream may ask for.
    @Test(arguments: [["onset_delay_ms": 2300, "offset_fall_db": 15], ["min_rise_db": 8]] as [[String: JSONValue]])
    func levelsFitIntoTheLargestState(decision: [String: JSONValue]) throws {
        let files = files
        for (key, value) in decision { files.configuration = files.configuration.with(["decision", key], value) }
        try files.write()
        let delayed = try AudioModel(Model(directory: files.directory))
        let period = Double(model.predictionPeriod) / Double(model.sampleRate)
        let second = RecentLevels.size(RecentLevels.largestCount(span: 1, period: period))
        let room = try second + StateFile.largestSize(delayed) - StateFile.largestSize(model)
        for count in [0, 400, 2000, 6401, 16000, 32003] {
            let (bytes, _) = try state(samples: count, of: delayed)
            try StateFile.check(bytes, model: delayed)
            #expect(bytes.count - (try state(samples: count).bytes.count) <= room, "after \(count) samples")
        }
    }

    /// Received, lost and measured samples, frames, start and length of the kept samples, frames and tokens of the
    /// network: none of them can change alone, but for lost samples, which are only time.
    @Test func contradictingPositionsAreRefused() throws {
        let (bytes, start) = try state()
        let kept = bytes[(start + 48)..<(start + 56)].enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let network = start + 56 + 4 * kept
        let offsets = [start, start + 32, start + 40, start + 48, network, network + 8]
        for offset in offsets {
            for change in [-160, -1, 1, 160, 1 << 20, 1 << 40, 1 << 46, 1 << 61] as [Int64] {
                let damaged = changed(bytes, at: offset) { $0 &+ change }
                #expect(throws: (any Error).self, "offset \(offset - start), \(change)") {
                    try StateFile.check(damaged, model: model)
                }
            }
        }
        for measured in [-1, 2001, 1 << 48] as [Int64] {
            let damaged = changed(bytes, at: start + 24) { _ in measured }
            #expect(throws: (any Error).self) { try StateFile.check(damaged, model: model) }
        }
        for lost in [0, 1, 1 << 48] as [Int64] {
            try StateFile.check(changed(bytes, at: start + 8) { _ in lost }, model: model)
        }
        for lost in [-1, 1 << 48 + 1] as [Int64] {
            let damaged = changed(bytes, at: start + 8) { _ in lost }
            #expect(throws: (any Error).self) { try StateFile.check(damaged, model: model) }
        }
    }

    /// An open event begins and lasts before the position of its stream.
    @Test func eventsOfTheFutureAreRefused() throws {
        let (bytes, _) = try state()
        let labels = model.labels.count
        let track = bytes.count - 72 * labels
        for (field, values) in [(1, [-1, 2001]), (0, [-1, 5])] as [(Int, [Int64])] {
            for value in values {
                let damaged = changed(bytes, at: track + 8 * field) { _ in value }
                #expect(throws: (any Error).self) { try StateFile.check(damaged, model: model) }
            }
        }
        for (field, values) in [
            (2, [-0.1, 1]), (3, [1, .nan]), (4, [-0.1, 1.1, .nan]), (5, [-2, 1e9]), (6, [-1001, 1e9, .nan]),
            (7, [-1, 1]),
            (8, [-1, 1]),
        ] as [(Int, [Double])] {
            for value in values {
                let damaged = changed(bytes, at: track + 8 * field) { _ in Int64(bitPattern: value.bitPattern) }
                #expect(throws: (any Error).self, "field \(field) is \(value)") {
                    try StateFile.check(damaged, model: model)
                }
            }
        }
    }

    /// The levels before an event are of the past, one after the other.
    @Test func levelsOfTheFutureAreRefused() throws {
        func isRefused(_ values: [Double], count: Int? = nil) -> Bool {
            var writer = SnapshotWriter()
            writer.write(count ?? values.count / 2)
            for value in values { writer.write(value) }
            var reader = SnapshotReader(writer.bytes)
            var levels = RecentLevels(span: 1)
            do { try levels.restore(from: &reader, time: 2) } catch { return true }
            return false
        }
        #expect(!isRefused([]) && !isRefused([1.5, -20, 2, -120]))
        for values in [[1.5, -20, 2.1, -20], [1.5, -20, 1.4, -20], [-1, -20], [.nan, -20], [1, .nan], [1, 1e9]] {
            #expect(isRefused(values), "\(values)")
        }
        for count in [-1, 2, 1 << 40, .max] { #expect(isRefused([1, -20], count: count), "\(count)") }
    }

    /// Numbers that are finite, but whose products are not, end in a refusal or in an error of their stream.
    @Test func hugeNumbersDoNotTrap() throws {
        let (bytes, start) = try state()
        let end = bytes.count - 72 * model.labels.count - 8
        var random = SplitMix64(seed: 3)
        for round in 0..<60 {
            var damaged = bytes
            let first = start + 56 + 4 * random.integer(in: 0...(end - start - 60) / 4)
            let value = [3.4e38, -3.4e38, 1e30, -1e20][round % 4] as Float
            for offset in stride(from: first, to: min(end - 3, first + 4 * random.integer(in: 1...400)), by: 4) {
                for byte in 0..<4 {
                    damaged[offset + byte] = UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * byte))
                }
            }
            try? StateFile.check(sealed(damaged), model: model)
        }
    }

    /// Gaps add up to a position at which they stop, and whose records can be written.
    @Test func gapsStopAtTheLargestPosition() throws {
        var frontend = try PipelineFrontend(model.tables)
        frontend.skip(-5)
        #expect(frontend.position == 0)
        for _ in 0..<1000 { frontend.skip(1 << 40) }
        frontend.skip(.max)
        #expect(frontend.position == PipelineFrontend.largestPosition)
        var batch = PipelineBatch(model, capacity: 1)
        let joined = batch.join()
        let slot = try #require(joined)
        let samples = noise(1600, seed: 2)
        var (taken, isToken) = (0, false)
        while !isToken {
            let push = try batch.push(samples.span, from: taken, &frontend, slot: slot) { _ in }
            taken += push.taken
            isToken = push.isToken
        }
        _ = batch.step()
        let line = try batch.predict(&frontend, slot: slot) { Record($0, stream: "s").json }
        #expect(line.contains("\"sample\":\(PipelineFrontend.largestPosition + Int64(taken)),"))
    }
}
