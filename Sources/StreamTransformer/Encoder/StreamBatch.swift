internal import Kernels
package import StrictCoding

/// Streams of one model that are stepped together, so that the weights are read once for all of them. Each stream's
/// logits are bit for bit those that it would get alone. Streams join and leave between steps, and other streams are
/// not copied then.
///
/// ```swift
/// var batch = StreamBatch(model, capacity: 64)
/// if let slot = batch.join() {
///     if try batch.push(features.span, slot: slot) {
///         batch.step()
///         print(batch.logits(slot: slot)[0])
///     }
/// }
/// ```
public struct StreamBatch: ~Copyable {
    /// The largest number of streams.
    public let capacity: Int
    private let model: Model
    private var streams: StreamPool
    private var workspace: Workspace
    private var logits: AlignedBuffer  // (capacity, labels), by slot

    /// Makes an empty batch with slots for `capacity` streams, at least one.
    public init(_ model: Model, capacity: Int) {
        precondition(capacity > 0, "a batch has a slot for a stream")
        self.capacity = capacity
        self.model = model
        streams = StreamPool(capacity: capacity)
        workspace = Workspace(model, streams: model.encoder.keepsWindowRows ? 1 : capacity)
        logits = AlignedBuffer(count: capacity * model.configuration.labels.count)
    }

    /// Returns the largest number of streams whose rows of a step fit into so many bytes, at least one.
    package static func largestCapacity(_ model: Model, bytes: Int) -> Int {
        let encoder = model.encoder
        let row = 3 * encoder.width + encoder.projectionWidth + encoder.feedForward
        return max(1, bytes / 4 / (row + 2 * model.configuration.labels.count))
    }

    /// Adds a new stream.
    /// - Returns: its slot, or nil if all slots are taken.
    public mutating func join() -> Int? { streams.join(StreamMemory(model)) }

    /// Ends the stream in `slot`, which another stream may take then.
    public mutating func leave(slot: Int) { streams.leave(slot) }

    /// Adds a frame of `inputWidth` features to the stream in `slot`.
    /// - Returns: true if the frame completed a token. Call ``step()`` then, before the stream's next frame.
    /// - Throws: ``ModelError`` `nonFinite`, with all streams as they were.
    public mutating func push(_ frame: Span<Float>, slot: Int) throws(ModelError) -> Bool {
        precondition(!streams.isReady(slot), "a stream's token is stepped before its next frame")
        let isToken = try model.keep(frame, &streams[slot])
        if isToken { streams.markReady(slot) }
        return isToken
    }

    /// Computes the logits of every stream that has a new token.
    /// - Returns: the number of these streams.
    @discardableResult
    public mutating func step() -> Int {
        let labels = model.configuration.labels.count
        let count = streams.ready
        // The rows of a window fill the workspace, so such streams are stepped one by one.
        let together = model.encoder.keepsWindowRows ? 1 : max(count, 1)
        for first in stride(from: 0, to: count, by: together) {
            streams.current = first..<first + together
            model.encode(&streams, &workspace)
            for (row, index) in streams.current.enumerated() {
                logits.copy(
                    workspace.logits, from: row * labels, count: labels, to: streams.slot(index) * labels)
            }
        }
        streams.clearReady()
        return count
    }

    /// Returns the newest logits of the stream in `slot`, one a label.
    @_lifetime(borrow self)
    public borrowing func logits(slot: Int) -> Span<Float> {
        let labels = model.configuration.labels.count
        return logits.part(slot * labels..<(slot + 1) * labels)
    }

    /// Copies the newest logits of the stream in `slot`, one a label, in the order of the labels.
    public func copyLogits(slot: Int, to values: inout [Float]) {
        let first = slot * model.configuration.labels.count
        for index in values.indices { values[index] = logits[first + index] }
    }

    /// Throws ``ModelError`` `nonFiniteLogits` if one of the newest logits of the stream in `slot` is not finite. The
    /// stream cannot go on then; other streams can.
    public func checkLogits(slot: Int) throws(ModelError) {
        let labels = model.configuration.labels.count
        guard logits.isFinite(slot * labels..<(slot + 1) * labels) else {
            throw model.nonFiniteLogits(streams[slot].tokens - 1)
        }
    }

    /// Returns the number of frames of the stream in `slot` so far.
    package func frames(slot: Int) -> Int64 { streams[slot].frames }

    /// Returns the number of predictions of the stream in `slot` so far.
    public func tokens(slot: Int) -> Int64 { streams[slot].tokens }

    package func snapshot(slot: Int, to writer: inout SnapshotWriter) { streams[slot].snapshot(to: &writer) }

    package mutating func restore(slot: Int, from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try streams[slot].restore(from: &reader)
    }
}
