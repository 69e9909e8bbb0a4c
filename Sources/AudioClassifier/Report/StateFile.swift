internal import FoundationEssentials
internal import Kernels
internal import StreamTransformer
package import StrictCoding

/// The state of a suspended stream as bytes, in a file or in a message: with it another process goes on and gives the
/// same bytes.
package enum StateFile {
    private static let magic: Int64 = 0x3730_4554_4154_5341  // "ASTATE07"

    package static func save(
        _ pipeline: borrowing ClassifierPipeline, _ reporter: StreamReporter, model: AudioModel, to path: String
    ) throws(ClassifierError) {
        var writer = begin(model)
        pipeline.snapshot(to: &writer)
        reporter.snapshot(to: &writer)
        do { try Data(seal(writer)).write(to: URL(filePath: path), options: .atomic) } catch {
            throw ClassifierError(.inputOutput, code: "write", "\(path): the state cannot be written")
        }
    }

    package static func load(
        _ pipeline: inout ClassifierPipeline, _ reporter: inout StreamReporter, model: AudioModel, from path: String
    ) throws(ClassifierError) {
        let bytes: [UInt8]
        let bounds = FileContents.Bounds(bytes: try largestSize(model), seconds: 5)
        do { bytes = try FileContents.bytes(of: path, bounds) } catch {
            throw ClassifierError(.noInput, code: "not_found", "\(path): the state cannot be read: \(error)")
        }
        var failure: (any Error)?
        do {
            var reader = try open(bytes, model: model)
            try restore(&pipeline, &reporter, model: model, from: &reader)
        } catch { failure = error }
        guard let failure else { return }
        throw ClassifierError(
            .data, code: "snapshot", "\(path): \(StateMismatch.reason(failure)); leave --state-in out to start afresh")
    }

    private static func restore(
        _ pipeline: inout ClassifierPipeline, _ reporter: inout StreamReporter, model: AudioModel,
        from reader: inout SnapshotReader
    ) throws {
        try pipeline.restore(from: &reader)
        try reporter.restore(from: &reader, position: pipeline.sampleCount, rate: model.sampleRate)
        try close(reader)
    }

    /// Checks that a stream of this model can be resumed from a state: restores it, and makes one more prediction.
    package static func check(_ bytes: [UInt8], model: AudioModel) throws(StateMismatch) {
        do { try resume(bytes, model) } catch { throw StateMismatch(reason: StateMismatch.reason(error)) }
    }

    private static func resume(_ bytes: [UInt8], _ model: AudioModel) throws {
        var reader = try open(bytes, model: model)
        var pipeline = try ClassifierPipeline(model)
        var reporter = try reporter(model)
        try restore(&pipeline, &reporter, model: model, from: &reader)
        let zeros = [Float](repeating: 0, count: model.hop)
        do { for _ in 0...model.network.framesPerToken { try pipeline.push(zeros) { _ in } } } catch {
            throw StateMismatch(reason: "leads to a prediction that is not finite")
        }
    }

    /// Returns the bytes of the largest state of a stream of this model.
    package static func largestSize(_ model: AudioModel) throws(ClassifierError) -> Int {
        let period = Double(model.predictionPeriod) / Double(model.sampleRate)
        let rules = try DecisionRules(model.network.configuration)
        let span = max(rules.onsetDelay, 2 * DecisionRules.riseTime)
        let levels = RecentLevels.size(RecentLevels.largestCount(span: span, period: period))
        var writer = begin(model)
        try reporter(model).snapshot(to: &writer)
        return seal(writer).count + levels + (try ClassifierPipeline(model).largestSnapshot)
    }

    private static func reporter(_ model: AudioModel) throws(ClassifierError) -> StreamReporter {
        let configuration = model.network.configuration
        return StreamReporter(
            configuration, stream: "", options: ReportOptions(rules: try DecisionRules(configuration)))
    }

    /// Begins the state of a stream of this model; the stream's own part follows, then ``seal(_:)``.
    package static func begin(_ model: AudioModel) -> SnapshotWriter {
        var writer = SnapshotWriter()
        writer.write(Array(identity(model).utf8))
        return writer
    }

    package static func seal(_ writer: SnapshotWriter) -> [UInt8] {
        var head = SnapshotWriter()
        head.write(magic)
        head.write(checksum(writer.bytes[...]))
        return head.bytes + writer.bytes
    }

    /// Returns a reader at the beginning of the stream's own part.
    package static func open(_ bytes: [UInt8], model: AudioModel) throws -> SnapshotReader {
        var reader = SnapshotReader(bytes)
        guard try reader.readInt64() == magic else { throw StateMismatch(reason: "is not a stream's state") }
        guard try reader.readInt64() == checksum(bytes.dropFirst(16)) else {
            throw StateMismatch(reason: "is cut or damaged")
        }
        let saved = String(decoding: try reader.readBytes(), as: UTF8.self)
        guard saved == identity(model) else {
            throw StateMismatch(reason: "belongs to \(saved), this is \(identity(model))")
        }
        return reader
    }

    package static func close(_ reader: SnapshotReader) throws(StateMismatch) {
        guard reader.remaining == 0 else { throw StateMismatch(reason: "is longer than a state") }
    }

    /// Protects streams against continuing with the arbitrary numbers of a damaged state.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> Int64 { Int64(bitPattern: fnv1a(bytes)) }

    /// Weights, their precision, the front-end, the labels and the instruction set: two processes that share them
    /// continue each other bit for bit.
    private static func identity(_ model: AudioModel) -> String {
        let configuration = model.network.configuration
        let weights = "\(configuration.weightsFile.sha256) in \(model.network.precision.rawValue)"
        return "\(configuration.name) \(weights) with front-end and labels \(model.meaning) on \(Kernels.best.name)"
    }
}

/// The reason why bytes are not the state of a stream of this model.
package struct StateMismatch: Error {
    /// A predicate, as in "the state ... belongs to another model".
    package let reason: String

    /// Returns the reason of any error of reading a state; an error of another type means damage.
    package static func reason(_ error: any Error) -> String {
        (error as? StateMismatch)?.reason ?? "is cut or damaged"
    }
}
