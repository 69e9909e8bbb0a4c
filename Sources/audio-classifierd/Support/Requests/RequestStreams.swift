internal import AudioClassifier
internal import AudioFrontend
internal import Dispatch
internal import Glibc
internal import StrictCoding
internal import Synchronization

/// The stream of a client, classified as `run` does it with standard input: a thread reads its bytes from a pipe.
enum RequestStream {
    struct Session: Sendable {
        let session: StreamSession
        /// The stream's name in records.
        let stream: String
    }

    /// Classifies the bytes of a pipe to their end, and closes the pipe.
    /// - Parameter ended: frees the stream's name, which its last line announces.
    static func run(
        _ work: Session, _ descriptor: Int32, request: String, output: RequestOutput, ended: () -> Void
    ) {
        let result = Result {
            var session = work.session
            session.format = .jsonl
            var audio = try AudioInput(
                descriptor: descriptor, name: work.stream, rate: session.model.sampleRate,
                options: session.inputOptions, owned: true)
            let layout = session.layout
            let end = try session.runRecords(&audio, file: nil, stream: work.stream) { records in
                try output.write(records.map { layout.object($0, file: "-") }, request: request)
            }
            return end.seconds
        }
        ended()
        // The error of a broken output is kept by it and ends the program.
        guard output.failure == nil else { return }
        switch result {
        case .success(let seconds):
            var done = JSONWriter(type: "done")
            done.add("seconds", seconds, decimals: 6)
            try? output.write([done], request: request)
        case .failure(let error): try? output.fail(ClassifierError(error), request: request)
        }
    }
}

/// The open streams, used by the thread that reads requests.
final class RequestStreams {
    /// Most streams at the same time.
    static let limit = 256

    private let output: RequestOutput
    private let running = DispatchGroup()
    /// The writing ends of the streams' pipes, by the bytes of their names.
    private var pipes: [[UInt8]: Int32] = [:]

    init(_ output: RequestOutput) { self.output = output }

    func isKnown(_ name: String) -> Bool { pipes[Array(name.utf8)] != nil }

    /// Starts a stream.
    /// - Parameter ended: called on the stream's thread when it has ended.
    func open(_ name: String, _ session: RequestStream.Session, ended: @escaping @Sendable () -> Void) throws {
        // One of this name that has failed, and was not closed.
        _ = close(name)
        guard pipes.count < Self.limit else {
            throw ClassifierError(
                .unavailable, code: "capacity", "\(Self.limit) streams are open, as many as one process takes")
        }
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            throw ClassifierError(
                .unavailable, code: "capacity", "cannot open a pipe: \(unsafe String(cString: strerror(errno)))")
        }
        let (reading, writing) = (ends[0], ends[1])
        do {
            try WorkerThreads.run(in: running) { [output] in
                RequestStream.run(session, reading, request: name, output: output, ended: ended)
            }
        } catch {
            for end in ends { Glibc.close(end) }
            throw error
        }
        pipes[Array(name.utf8)] = writing
    }

    /// Hands bytes to a stream. A stream that has failed ignores them: its error has been answered.
    func push(_ bytes: [UInt8], to name: String) {
        guard let descriptor = pipes[Array(name.utf8)] else { return }
        try? writeAll(bytes, to: descriptor)
    }

    /// Ends a stream.
    /// - Returns: false if there is none of this name.
    func close(_ name: String) -> Bool {
        guard let descriptor = pipes.removeValue(forKey: Array(name.utf8)) else { return false }
        Glibc.close(descriptor)
        return true
    }

    /// Ends all streams, and returns after their last answers.
    func finish() {
        for descriptor in pipes.values { Glibc.close(descriptor) }
        pipes = [:]
        running.wait()
    }
}
