internal import FoundationEssentials
internal import Kernels
internal import StreamTransformer

/// A suspended stream in a file: everything that its continuation in another process needs to give the same bytes.
package enum StateFile {
    private static let magic: Int64 = 0x3430_4554_4154_5341  // "ASTATE04"

    package static func save(
        _ pipeline: borrowing ClassifierPipeline, _ reporter: StreamReporter, model: AudioModel, to path: String
    ) throws(ServiceError) {
        var writer = SnapshotWriter()
        writer.write(Array(identity(model).utf8))
        pipeline.snapshot(to: &writer)
        reporter.snapshot(to: &writer)
        var head = SnapshotWriter()
        head.write(magic)
        head.write(checksum(writer.bytes[...]))
        do { try Data(head.bytes + writer.bytes).write(to: URL(filePath: path), options: .atomic) } catch {
            throw ServiceError(.inputOutput, code: "write", "\(path): the state cannot be written")
        }
    }

    package static func load(
        _ pipeline: inout ClassifierPipeline, _ reporter: inout StreamReporter, model: AudioModel, from path: String
    ) throws(ServiceError) {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw ServiceError(.noInput, code: "not_found", "\(path): the state cannot be read")
        }
        func wrong(_ reason: String) -> ServiceError {
            ServiceError(.data, code: "snapshot", "\(path): \(reason); leave --state-in out to start afresh")
        }
        let bytes = Array(data)
        var reader = SnapshotReader(bytes)
        do {
            guard try reader.readInt64() == magic else { throw wrong("is not a stream's state") }
            guard try reader.readInt64() == checksum(bytes.dropFirst(16)) else { throw wrong("is cut or damaged") }
            let saved = String(decoding: try reader.readBytes(), as: UTF8.self)
            guard saved == identity(model) else {
                throw wrong("belongs to \(saved), this is \(identity(model))")
            }
            try pipeline.restore(from: &reader)
            try reporter.restore(from: &reader)
            guard reader.remaining == 0 else { throw wrong("is longer than a state") }
        } catch let error as ServiceError { throw error } catch { throw wrong("is cut or damaged") }
    }

    /// FNV-1a, 64 bits: a damaged state could hold any numbers, which its stream would go on with.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> Int64 {
        Int64(bitPattern: bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    }

    /// What two processes must share for the second to continue bit for bit: weights, as they are kept, and instruction set.
    private static func identity(_ model: AudioModel) -> String {
        let configuration = model.model.configuration
        return
            "\(configuration.name) \(configuration.weights.sha256) in \(model.model.weights.rawValue) on \(Kernels.best.name)"
    }
}
