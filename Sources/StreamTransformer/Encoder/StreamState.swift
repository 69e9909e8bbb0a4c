package import Kernels

/// One stream's whole memory: of fixed size, independent of every other stream's, with a snapshot.
public struct StreamState: ~Copyable {
    var stem: StemState
    var memory: AttentionMemory
    var workspace: Workspace
    /// Logits of the newest token (labels).
    var logits: AlignedBuffer
    /// Frames taken in so far.
    public internal(set) var frames: Int64 = 0
    /// Tokens, and so predictions, made so far.
    public internal(set) var tokens: Int64 = 0

    init(_ model: Model) {
        let encoder = model.configuration.encoder
        stem = StemState(model.stem, inputWidth: model.configuration.inputWidth)
        memory = AttentionMemory(encoder)
        workspace = Workspace(encoder)
        logits = AlignedBuffer(count: model.configuration.labels.count)
    }

    /// Bytes that a stream keeps.
    public var bytes: Int { stem.bytes + memory.bytes + workspace.bytes + 4 * logits.count }

    /// The logits of the newest token, valid until the next step: one a label.
    public var newestLogits: Span<Float> {
        @_lifetime(borrow self)
        borrowing get { logits.part(0..<logits.count) }
    }

    /// Copies the logits of the newest token: one a label.
    public func copyLogits(to values: inout [Float]) {
        for index in values.indices { values[index] = logits[index] }
    }

    /// As new.
    public mutating func reset() {
        stem.reset()
        memory.reset()
        frames = 0
        tokens = 0
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(frames)
        writer.write(tokens)
        stem.snapshot(to: &writer)
        memory.snapshot(to: &writer)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        // No stream gets as far as 2^62, and computing with positions up to there cannot overflow.
        frames = Int64(try reader.readInt(in: 0...1 << 62))
        tokens = Int64(try reader.readInt(in: 0...1 << 62))
        try stem.restore(from: &reader)
        try memory.restore(from: &reader)
    }
}

/// What attention keeps, by its kind.
enum AttentionMemory: ~Copyable {
    case ring(SoftmaxRing)
    case sums(SlidingSums)

    init(_ encoder: EncoderConfiguration) {
        switch encoder.attention {
        case .continual:
            self = .ring(
                SoftmaxRing(
                    layers: encoder.layers, heads: encoder.heads, headWidth: encoder.headWidth, window: encoder.window))
        case .continualNystrom(let landmarks, _):
            self = .sums(
                SlidingSums(
                    layers: encoder.layers, heads: encoder.heads, landmarks: landmarks, headWidth: encoder.headWidth,
                    window: encoder.window))
        }
    }

    var bytes: Int {
        switch self {
        case .ring(let ring): ring.bytes
        case .sums(let sums): sums.bytes
        }
    }

    /// Takes in a token's projections and attends from it.
    mutating func attend(
        _ projected: borrowing AlignedBuffer, inverse: ConstantVector, layer: Int, position: Int64, kernels: Kernels,
        into context: inout AlignedBuffer
    ) {
        switch consume self {
        case .ring(var ring):
            ring.attend(projected, layer: layer, position: position, kernels: kernels, into: &context)
            self = .ring(ring)
        case .sums(var sums):
            sums.attend(
                projected, inverse: inverse, layer: layer, position: position, kernels: kernels, into: &context)
            self = .sums(sums)
        }
    }

    mutating func reset() {
        switch consume self {
        case .ring(var ring):
            ring.reset()
            self = .ring(ring)
        case .sums(var sums):
            sums.reset()
            self = .sums(sums)
        }
    }

    func snapshot(to writer: inout SnapshotWriter) {
        switch self {
        case .ring(let ring): ring.snapshot(to: &writer)
        case .sums(let sums): sums.snapshot(to: &writer)
        }
    }

    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        switch consume self {
        case .ring(var ring):
            let result = Result { () throws(SnapshotReader.Truncated) in try ring.restore(from: &reader) }
            self = .ring(ring)
            try result.get()
        case .sums(var sums):
            let result = Result { () throws(SnapshotReader.Truncated) in try sums.restore(from: &reader) }
            self = .sums(sums)
            try result.get()
        }
    }
}

/// Buffers of one step; nothing in them outlives it.
struct Workspace: ~Copyable {
    var token: AlignedBuffer  // (D), the residual stream
    var normed: AlignedBuffer  // (D)
    var projected: AlignedBuffer  // q, k, v (3 D); or beta, Delta (2 H m) and v (D)
    var context: AlignedBuffer  // (D)
    var hidden: AlignedBuffer  // (F)

    init(_ encoder: EncoderConfiguration) {
        token = AlignedBuffer(count: encoder.width)
        normed = AlignedBuffer(count: encoder.width)
        context = AlignedBuffer(count: encoder.width)
        hidden = AlignedBuffer(count: encoder.feedForward)
        switch encoder.attention {
        case .continual: projected = AlignedBuffer(count: 3 * encoder.width)
        case .continualNystrom(let landmarks, _):
            projected = AlignedBuffer(count: 2 * encoder.heads * landmarks + encoder.width)
        }
    }

    var bytes: Int { 4 * (token.count + normed.count + projected.count + context.count + hidden.count) }
}
