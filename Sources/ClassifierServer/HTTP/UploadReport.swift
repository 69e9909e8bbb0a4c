internal import AudioClassifier
internal import AudioFrontend
internal import NIOConcurrencyHelpers
internal import StrictCoding

/// The lines of an uploaded file. They include the warnings that `classify` writes to its log: the last record as
/// `warnings`, and a row of a table for a file that is cut.
final class UploadReport: Sendable {
    private struct Warnings {
        /// All warnings in their order.
        var texts: [String] = []
        /// Those about missing audio.
        var faults: [String] = []
    }

    private let name: String
    private let session: StreamSession
    private let warnings = NIOLockedValueBox(Warnings())

    /// - Parameter name: the name of the file and its stream in the records.
    init(_ session: StreamSession, name: String) {
        self.session = session
        self.name = name
    }

    /// Classifies the file.
    /// - Parameters:
    ///   - descriptor: the file, which is closed.
    ///   - write: receives lines as they come.
    /// - Throws: the first error, after the lines of what was good have been written.
    func run(_ descriptor: Int32, _ input: InputOptions, write: ([String]) throws -> Void) throws {
        let (log, warnings) = (session.warn, warnings)
        let note: @Sendable (String) -> Void = { message in
            log(message)
            warnings.withLockedValue { $0.texts.append(message) }
        }
        var input = input
        input.inform = session.inform
        input.warn = note
        var noting = session
        noting.warn = { message in
            note(message)
            warnings.withLockedValue { $0.faults.append(message) }
        }
        var audio = try AudioInput(
            descriptor: descriptor, name: name, rate: session.model.recipe.sampleRate, options: input, owned: true)
        try write(session.header)
        try run(noting, &audio, write)
    }

    private func run(_ session: StreamSession, _ audio: inout AudioInput, _ write: ([String]) throws -> Void) throws {
        var writer = LineWriter(session.layout, file: name, sampleRate: session.model.sampleRate)
        // A record that may be the last one waits, because the last one has the warnings.
        var last: Record?
        let result = Result {
            try session.runRecords(&audio, file: name, stream: name) { records in
                var lines: [String] = []
                for record in records {
                    if let last { lines += writer.lines(last) }
                    last = Self.mayBeLast(record) ? record : nil
                    if last == nil { lines += writer.lines(record) }
                }
                if !lines.isEmpty { try write(lines) }
            }
        }
        guard case .success(let end) = result else {
            if let last { try? write(writer.lines(last)) }
            _ = try result.get()
            return
        }
        // Without an error a stop of the service looks like the end of the file.
        guard end.isComplete else { throw AdmissionRefusal.stopping }
        var lines = last.map { session.format == .jsonl ? [line($0, session)] : writer.lines($0) } ?? []
        lines += writer.finish(seconds: end.seconds)
        if session.format != .jsonl {
            for fault in warnings.withLockedValue({ $0.faults }) {
                lines += writer.lines(.error(file: name, code: "cut", message: fault))
            }
        }
        if !lines.isEmpty { try write(lines) }
    }

    private static func mayBeLast(_ record: Record) -> Bool {
        switch record {
        case .summary, .end: true
        default: false
        }
    }

    /// Returns the last record as a line.
    private func line(_ record: Record, _ session: StreamSession) -> String {
        var object = session.layout.object(record, file: name)
        let texts = warnings.withLockedValue { $0.texts }
        if !texts.isEmpty { object.add("warnings", texts) }
        return object.text
    }
}
