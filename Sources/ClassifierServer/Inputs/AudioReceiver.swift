internal import AudioFrontend

/// Decodes the bytes of a source and pushes the samples into its stream.
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
        var samples: [Float] = []
        var failure: AudioError?
        do throws(AudioError) {
            try decoder.push(bytes) { unsafe $0.withUnsafeBufferPointer { unsafe samples.append(contentsOf: $0) } }
        } catch { failure = error }
        count += Int64(samples.count)
        let isRunning = await stream.loop.push(samples, to: stream.identity)
        if let failure { throw failure }
        return isRunning
    }

    /// Pushes the decoder's last samples after the last byte.
    mutating func finish() async throws {
        var samples: [Float] = []
        try decoder.finish { unsafe $0.withUnsafeBufferPointer { unsafe samples.append(contentsOf: $0) } }
        count += Int64(samples.count)
        _ = await stream.loop.push(samples, to: stream.identity)
    }
}
