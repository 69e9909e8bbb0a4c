internal import FoundationEssentials
internal import Kernels
internal import StreamTransformer

/// A suspended stream in a file: everything that its continuation in another process needs to give the same bytes.
enum StateFile {
    private static let magic: Int64 = 0x3130_4554_4154_5341  // "ASTATE01"

    static func save(
        _ pipeline: borrowing ClassifierPipeline, _ reporter: StreamReporter, model: AudioModel, to path: String
    ) throws(ServiceError) {
        var writer = SnapshotWriter()
        writer.write(magic)
        writer.write(Array(identity(model).utf8))
        pipeline.snapshot(to: &writer)
        reporter.snapshot(to: &writer)
        do { try Data(writer.bytes).write(to: URL(filePath: path), options: .atomic) } catch {
            throw ServiceError(.inputOutput, code: "write", "\(path): the state cannot be written")
        }
    }

    static func load(
        _ pipeline: inout ClassifierPipeline, _ reporter: inout StreamReporter, model: AudioModel, from path: String
    ) throws(ServiceError) {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw ServiceError(.noInput, code: "not_found", "\(path): the state cannot be read")
        }
        func wrong(_ reason: String) -> ServiceError {
            ServiceError(.data, code: "snapshot", "\(path): \(reason); leave --state-in out to start afresh")
        }
        var reader = SnapshotReader(Array(data))
        do {
            guard try reader.readInt64() == magic else { throw wrong("is not a stream's state") }
            let saved = String(decoding: try reader.readBytes(), as: UTF8.self)
            guard saved == identity(model) else {
                throw wrong("belongs to \(saved), this is \(identity(model))")
            }
            try pipeline.restore(from: &reader)
            try reporter.restore(from: &reader)
            guard reader.remaining == 0 else { throw wrong("is longer than a state") }
        } catch let error as ServiceError { throw error } catch { throw wrong("is cut or damaged") }
    }

    /// What two processes must share for the second to continue bit for bit: weights and instruction set.
    private static func identity(_ model: AudioModel) -> String {
        let configuration = model.model.configuration
        return "\(configuration.name) \(configuration.weights.sha256) on \(Kernels.best.name)"
    }
}
