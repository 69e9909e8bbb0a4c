internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore

/// The bytes and messages of a client that its stream has not decoded yet, in their order. They are decoded in pieces,
/// between which the loop is free for other streams.
struct StreamInput: ~Copyable {
    enum Item {
        /// - arrived: in nanoseconds of a monotonic clock.
        case bytes(ByteBuffer, arrived: UInt64)
        /// Samples that the client lost.
        case gap(Int64)
        case ping(id: Double?)
        /// The client has sent all its audio.
        case end(arrived: UInt64)
        /// The client has gone without an end.
        case lost
    }

    /// From this size on, the client's connection is paused.
    private static let largest = (bytes: 1 << 16, items: 1024)
    /// Samples of a piece, at the model's rate.
    private static let pieceSamples = 4096
    /// Shorter messages join the one before, so that many of them cost no more than one.
    private static let shortest = 2048

    private var decoder: PCMDecoder
    /// Whether a client that has gone without an end may come back and go on.
    private let isResumable: Bool
    private let pieceBytes: Int
    private var items = CircularBuffer<Item>()
    private var byteCount = 0
    private var piece: [UInt8] = []

    /// - Parameters:
    ///   - rate: the model's rate.
    ///   - isResumable: whether the stream keeps its state for a client that comes back.
    init(_ decoder: consuming PCMDecoder, rate: Int, isResumable: Bool) {
        self.isResumable = isResumable
        let frameBytes = decoder.format.bytesPerSample * decoder.channels
        let frames = max(1, Self.pieceSamples * min(rate, decoder.sampleRate) / rate)
        pieceBytes = max(frameBytes, min(frames * frameBytes, Self.largest.bytes))
        self.decoder = decoder
    }

    var isEmpty: Bool { items.isEmpty }
    /// Whether so much waits that the client shall pause.
    var isFull: Bool { byteCount >= Self.largest.bytes || items.count >= Self.largest.items }

    /// What is odd about the audio, as sentences. Known at its end.
    var warnings: [String] { [decoder.missingAudio, decoder.cancellation].compactMap { $0 } }

    mutating func append(_ item: Item) {
        guard case .bytes(var bytes, let arrived) = item else {
            items.append(item)
            return
        }
        byteCount += bytes.readableBytes
        if bytes.readableBytes < Self.shortest, case .bytes(var last, _)? = items.last,
            last.readableBytes < Self.largest.bytes
        {
            last.writeBuffer(&bytes)
            items[items.index(before: items.endIndex)] = .bytes(last, arrived: arrived)
        } else {
            items.append(.bytes(bytes, arrived: arrived))
        }
    }

    /// Removes the next item, or a piece of it, and decodes its bytes.
    /// - Parameter body: receives the samples and their arrival.
    /// - Returns: the item; nil if there is none.
    /// - Throws: ``AudioError`` for audio that cannot be decoded, after the samples before the fault.
    mutating func next(_ body: (Span<Float>, UInt64) -> Void) throws(AudioError) -> Item? {
        guard let item = items.popFirst() else { return nil }
        switch item {
        case .bytes(var bytes, let arrived):
            piece.removeAll(keepingCapacity: true)
            let part = bytes.readSlice(length: min(pieceBytes, bytes.readableBytes)) ?? ByteBuffer()
            piece.append(contentsOf: part.readableBytesView)
            byteCount -= piece.count
            if bytes.readableBytes > 0 { items.prepend(.bytes(bytes, arrived: arrived)) }
            try decoder.push(piece) { body($0, arrived) }
        case .end(let arrived): try decoder.finish { body($0, arrived) }
        // The rest of the audio is classified if nothing goes on with it; half a sample at its end is no fault then.
        case .lost where !isResumable: try? decoder.finish { body($0, NIODeadline.now().uptimeNanoseconds) }
        case .gap, .ping, .lost: break
        }
        return item
    }

    mutating func removeAll() {
        items.removeAll()
        byteCount = 0
    }
}
