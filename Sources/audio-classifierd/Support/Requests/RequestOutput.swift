internal import AudioClassifier
internal import StrictCoding
internal import Synchronization

/// The answers: lines of JSON with the name of their request, some with bytes behind them. Any thread writes them.
final class RequestOutput: Sendable {
    private let sink = OutputSink()
    private let broken = Mutex<(any Error)?>(nil)

    /// The error after which nothing could be written any more.
    var failure: (any Error)? { broken.withLock { $0 } }

    /// Writes objects as lines of a request.
    /// - Throws: an error that ends the program.
    func write(_ objects: [JSONWriter], request: String?) throws {
        try keep { try sink.write(objects.map { Self.line($0, request) }) }
    }

    /// Writes an object, and bytes right behind its line.
    func write(_ object: JSONWriter, request: String, bytes: [UInt8]) throws {
        try keep { try sink.write(Self.line(object, request), bytes) }
    }

    /// Writes the end of a request that failed.
    func fail(_ error: ClassifierError, request: String?) throws {
        var object = JSONWriter(type: "error")
        object.add("code", error.code)
        object.add("message", error.message)
        try write([object], request: request)
    }

    private func keep(_ write: () throws -> Void) throws {
        do { try write() } catch {
            broken.withLock { $0 = $0 ?? error }
            // Requests that wait or are worked on have no reader.
            StopSignal.stop()
            throw error
        }
    }

    private static func line(_ object: JSONWriter, _ request: String?) -> String {
        guard let request else { return object.text }
        var object = object
        object.add("request", request)
        return object.text
    }
}
