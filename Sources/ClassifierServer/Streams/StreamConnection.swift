internal import AudioClassifier
internal import AudioFrontend
internal import NIOConcurrencyHelpers
internal import StrictCoding

/// The number of connections that have a stream or its last lines, which a stopping service waits for.
final class ConnectionCount: Sendable {
    private let value = NIOLockedValueBox(0)
    var count: Int { value.withLockedValue { $0 } }
    func enter() { value.withLockedValue { $0 += 1 } }
    func leave() { value.withLockedValue { $0 -= 1 } }
}

/// Serves a stream over a connection of any kind: one task reads, one writes, and the end of the stream ends both.
struct StreamConnection: Sendable {
    let stream: OpenStream
    let connections: ConnectionCount
    /// Time for a slow client to read the last lines, in seconds.
    private static let patience = 5.0
    /// Time for a client to stop sending after the last lines, in seconds. An earlier close could reset the connection
    /// and destroy lines that the client has not read.
    private static let linger = 1.0

    private enum Half { case reader, writer, patience, linger }

    /// - Parameters:
    ///   - read: pushes audio until the client ends it, and discards audio after the stream's end.
    ///   - write: writes all outputs, then the final records.
    func run(
        read: @escaping @Sendable () async throws -> EndReason, write: @escaping @Sendable () async throws -> Void
    ) async {
        connections.enter()
        defer { connections.leave() }
        await withTaskGroup(of: Half.self) { tasks in
            tasks.addTask {
                let end: EndReason
                do { end = try await read() } catch { end = Self.end(error) }
                await stream.loop.end(stream.id, end)
                return .reader
            }
            tasks.addTask {
                // Reader and writer both detect a broken connection.
                do { try await write() } catch { await stream.loop.end(stream.id, .lost) }
                return .writer
            }
            tasks.addTask {
                for await _ in stream.completion {}
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

    private static func end(_ error: any Error) -> EndReason {
        switch error {
        case let idle as ClientIdle:
            .failed(
                code: "idle",
                message:
                    "no audio came for \(Decimal.text(idle.seconds, 1)) s; end the stream when there is no more audio")
        case let error as AudioError: .failed(code: error.code.rawValue, message: error.message)
        case let error as ClassifierError: .failed(code: error.code, message: error.message)
        default: .lost
        }
    }
}

/// Decodes a client's bytes and pushes the samples into its stream.
struct AudioReceiver: ~Copyable {
    private let stream: OpenStream
    private var decoder: PCMDecoder
    /// Samples that were pushed.
    private(set) var count: Int64 = 0

    init(_ stream: OpenStream, _ decoder: consuming PCMDecoder) {
        self.stream = stream
        self.decoder = decoder
    }

    /// Decodes and pushes bytes.
    /// - Returns: false if the stream has ended; the bytes are discarded then.
    mutating func receive(_ bytes: [UInt8]) async throws -> Bool {
        // A new array for each call, because the queue keeps it.
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

    /// Pushes the decoder's last samples after the client's last byte.
    mutating func finish() async throws {
        var samples: [Float] = []
        try decoder.finish { unsafe $0.withUnsafeBufferPointer { unsafe samples.append(contentsOf: $0) } }
        count += Int64(samples.count)
        _ = await stream.loop.push(samples, to: stream.id)
    }
}
