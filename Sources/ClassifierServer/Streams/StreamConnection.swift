internal import AudioClassifier
internal import AudioFrontend
internal import NIOConcurrencyHelpers
internal import StrictCoding

/// Connections that have a stream, or its last lines: a service that stops waits for them.
final class ConnectionCount: Sendable {
    private let value = NIOLockedValueBox(0)
    var count: Int { value.withLockedValue { $0 } }
    func enter() { value.withLockedValue { $0 += 1 } }
    func leave() { value.withLockedValue { $0 -= 1 } }
}

/// A stream between the two halves of a connection, whatever its kind: one task reads, one writes, and the stream's end
/// ends both.
struct StreamConnection: Sendable {
    let stream: OpenStream
    let connections: ConnectionCount
    /// What a client that does not read gets to read the last lines, in seconds.
    private static let patience = 5.0
    /// What a client gets to stop sending after the last lines, which a reset would take from it.
    private static let linger = 1.0

    private enum Half { case reader, writer, patience, linger }

    /// - Parameters:
    ///   - read: pushes what comes until the client has no more, and passes over what comes after the stream's end.
    ///   - write: writes outputs until there are no more, then the ending.
    func run(
        read: @escaping @Sendable () async throws -> StreamEnd, write: @escaping @Sendable () async throws -> Void
    ) async {
        connections.enter()
        defer { connections.leave() }
        await withTaskGroup(of: Half.self) { tasks in
            tasks.addTask {
                let end: StreamEnd
                do { end = try await read() } catch { end = Self.end(error) }
                await stream.loop.end(stream.id, end)
                return .reader
            }
            tasks.addTask {
                // A client that has gone is noticed here or by the reader, whichever comes first.
                do { try await write() } catch { await stream.loop.end(stream.id, .lost) }
                return .writer
            }
            tasks.addTask {
                for await _ in stream.ended {}
                try? await Task.sleep(for: .seconds(Self.patience))
                return .patience
            }
            var (isRead, isWritten) = (false, false)
            while !(isRead && isWritten), let half = await tasks.next() {
                switch half {
                case .reader: isRead = true
                case .writer:
                    isWritten = true
                    tasks.addTask {
                        try? await Task.sleep(for: .seconds(Self.linger))
                        return .linger
                    }
                case .patience, .linger: (isRead, isWritten) = (true, true)
                }
            }
            tasks.cancelAll()
        }
    }

    private static func end(_ error: any Error) -> StreamEnd {
        switch error {
        case let idle as ClientIdle:
            .failed(
                code: "idle",
                message: "nothing came for \(Decimal.text(idle.seconds, 1)) s; say so when there is no more audio")
        case let error as AudioError: .failed(code: error.code.rawValue, message: error.message)
        case let error as ClassifierError: .failed(code: error.code, message: error.message)
        default: .lost
        }
    }
}

/// Bytes of a client to samples of its stream.
struct AudioReceiver: ~Copyable {
    private let stream: OpenStream
    private var decoder: PCMDecoder
    /// Samples that the stream has got.
    private(set) var count: Int64 = 0

    init(_ stream: OpenStream, _ decoder: consuming PCMDecoder) {
        self.stream = stream
        self.decoder = decoder
    }

    /// - Returns: false where the stream has ended; what comes after that is passed over.
    mutating func receive(_ bytes: [UInt8]) async throws -> Bool {
        // The queue keeps the array: there is nothing to be gained by keeping its memory here.
        var samples: [Float] = []
        var failure: AudioError?
        do throws(AudioError) {
            try decoder.push(bytes) { unsafe $0.withUnsafeBufferPointer { unsafe samples.append(contentsOf: $0) } }
        } catch { failure = error }
        count += Int64(samples.count)
        let isRunning = await stream.loop.push(samples, to: stream.id)
        if let failure { throw failure }
        return isRunning
    }

    /// The client has sent everything.
    mutating func finish() async throws {
        var samples: [Float] = []
        try decoder.finish { unsafe $0.withUnsafeBufferPointer { unsafe samples.append(contentsOf: $0) } }
        count += Int64(samples.count)
        _ = await stream.loop.push(samples, to: stream.id)
    }
}
