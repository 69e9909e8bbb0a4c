internal import Kernels
package import StrictCoding

/// One stream: its whole memory, of fixed size and independent of every other stream's, and the buffers of a step.
public struct StreamState: ~Copyable {
    var memory: StreamMemory
    var workspace: Workspace

    init(_ model: Model) {
        memory = StreamMemory(model)
        workspace = Workspace(model)
    }

    /// Frames taken in so far.
    public var frames: Int64 { memory.frames }
    /// Tokens, and so predictions, made so far.
    public var tokens: Int64 { memory.tokens }

    /// Bytes that a stream keeps.
    public var bytes: Int { memory.bytes + workspace.bytes }

    /// The logits of the newest token, valid until the next step: one a label.
    public var newestLogits: Span<Float> {
        @_lifetime(borrow self)
        borrowing get { workspace.logits.part(0..<workspace.logits.count) }
    }

    /// Copies the logits of the newest token: one a label.
    public func copyLogits(to values: inout [Float]) {
        for index in values.indices { values[index] = workspace.logits[index] }
    }

    /// As new.
    public mutating func reset() { memory.reset() }

    /// As if so many frames had gone by, all of them zero to every memory: a full window to measure on.
    package mutating func startLate(frames: Int64) {
        memory.frames = frames
        memory.tokens = frames
    }

    package func snapshot(to writer: inout SnapshotWriter) { memory.snapshot(to: &writer) }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try memory.restore(from: &reader)
    }
}

/// What a stream keeps from step to step.
struct StreamMemory: ~Copyable, BufferList {
    var stem: StemState
    var history: TokenHistory
    var attention: AttentionMemory
    var average: ContextAverage
    var frames: Int64 = 0
    var tokens: Int64 = 0

    init(_ model: Model) {
        let encoder = model.encoder
        stem = StemState(model.stem)
        // A layer that goes from the newest token to the window's: the first one, or, where no layer passes the window on, each.
        let widening = encoder.keepsWindowRows ? (encoder.depth == .window ? 1 : encoder.layers) : 0
        history = TokenHistory(layers: widening, window: encoder.window, width: encoder.width)
        attention = AttentionMemory(encoder)
        average = ContextAverage(count: model.configuration.averagedContexts, width: encoder.width)
    }

    func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure) {
        try stem.visit(&visitor)
        try history.visit(&visitor)
        try attention.visit(&visitor)
        try average.visit(&visitor)
    }

    mutating func reset() {
        clearBuffers()
        frames = 0
        tokens = 0
    }

    func snapshot(to writer: inout SnapshotWriter) {
        writer.write(frames)
        writer.write(tokens)
        visit(&writer)
    }

    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        // No stream gets as far as 2^62, and computing with positions up to there cannot overflow.
        frames = Int64(try reader.readInt(in: 0...1 << 62))
        tokens = Int64(try reader.readInt(in: 0...1 << 62))
        try visit(&reader)
    }
}
