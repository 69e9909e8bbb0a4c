internal import Kernels
package import StrictCoding

/// One stream: its whole memory, of fixed size and independent of other streams, and the buffers of a step.
public struct StreamState: ~Copyable {
    var memory: StreamMemory
    var workspace: Workspace

    init(_ model: Model) {
        memory = StreamMemory(model)
        workspace = Workspace(model)
    }

    /// Number of frames so far.
    public var frames: Int64 { memory.frames }
    /// Number of tokens, and so of predictions, so far.
    public var tokens: Int64 { memory.tokens }

    /// Bytes of the stream's memory and of the buffers of a step.
    public var bytes: Int { memory.bytes + workspace.bytes }

    /// The logits of the newest token, one a label in the order of the labels, valid until the next step.
    public var newestLogits: Span<Float> {
        @_lifetime(borrow self)
        borrowing get { workspace.logits.part(0..<workspace.logits.count) }
    }

    /// Copies the logits of the newest token, one a label.
    public func copyLogits(to values: inout [Float]) {
        for index in values.indices { values[index] = workspace.logits[index] }
    }

    /// Makes the stream as new.
    public mutating func reset() { memory.reset() }

    /// Makes the stream as new, but for its position: so many tokens were before, with all memories zero.
    package mutating func startLate(tokens: Int64) {
        memory.reset()
        memory.start(tokens: tokens)
    }

    package func snapshot(to writer: inout SnapshotWriter) { memory.snapshot(to: &writer) }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try memory.restore(from: &reader)
    }
}

/// The state of a stream between steps.
struct StreamMemory: ~Copyable, BufferList {
    var stem: StemState
    var history: TokenHistory
    var attention: AttentionMemory
    var pooling: TemporalMeanPooling
    var frames: Int64 = 0
    var tokens: Int64 = 0
    private let framesPerToken: Int

    init(_ model: Model) {
        let encoder = model.encoder
        framesPerToken = model.framesPerToken
        stem = StemState(model.stem)
        // The layers that go from the newest token to those of the window: the first one, or each if no layer passes
        // the window on.
        let unrolling = encoder.keepsWindowRows ? (encoder.depth == .window ? 1 : encoder.layers) : 0
        history = TokenHistory(layers: unrolling, window: encoder.window, width: encoder.width)
        attention = AttentionMemory(encoder)
        pooling = TemporalMeanPooling(length: model.configuration.pooledContexts, width: encoder.width)
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try stem.visit(&visitor)
        try history.visit(&visitor)
        try attention.visit(&visitor)
        try pooling.visit(&visitor)
    }

    mutating func reset() {
        clearBuffers()
        start(tokens: 0)
    }

    /// Sets the position.
    mutating func start(tokens: Int64) {
        self.tokens = tokens
        frames = tokens * Int64(framesPerToken)
    }

    func snapshot(to writer: inout SnapshotWriter) {
        writer.write(frames)
        writer.write(tokens)
        visit(&writer)
    }

    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        // No stream gets as far as 2^46, and computing with positions up to there cannot overflow.
        let frames = Int64(try reader.readInt(in: 0...1 << 46))
        let tokens = Int64(try reader.readInt(in: 0...1 << 46))
        guard tokens == frames / Int64(framesPerToken) else { throw SnapshotReader.Truncated() }
        (self.frames, self.tokens) = (frames, tokens)
        try visit(&reader)
    }
}
