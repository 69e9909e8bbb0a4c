internal import Kernels
package import StrictCoding

/// Streams of one model that are stepped together, so that the weights are read once for all of them. Each stream gets bit for bit what it would
/// get alone, whoever its neighbours are; streams join and leave between steps, and no other stream is copied.
///
/// ```swift
/// var batch = StreamBatch(model, capacity: 64)
/// if let place = batch.join() {
///     if try batch.push(features.span, place: place) {
///         batch.step()
///         print(batch.logits(place: place)[0])
///     }
/// }
/// ```
public struct StreamBatch: ~Copyable {
    public let capacity: Int
    private let model: Model
    private var streams: StreamPool
    private var workspace: Workspace
    private var logits: AlignedBuffer  // (capacity, labels), by place

    public init(_ model: Model, capacity: Int) {
        precondition(capacity > 0, "a batch has room for a stream")
        self.capacity = capacity
        self.model = model
        streams = StreamPool(capacity: capacity)
        workspace = Workspace(model, streams: model.encoder.keepsWindowRows ? 1 : capacity)
        logits = AlignedBuffer(count: capacity * model.configuration.labels.count)
    }

    /// A place for a new stream, or nil where there is no room.
    public mutating func join() -> Int? { streams.join(StreamMemory(model)) }

    /// Ends the stream at `place`, which another one may then get.
    public mutating func leave(place: Int) { streams.leave(place) }

    /// Keeps a frame of the stream at `place`.
    /// - Returns: whether it completed a token; then the next ``step()`` makes its logits, and comes before the stream's next frame.
    /// - Throws: ``ModelError`` `nonFinite`, with this stream and all others as they were.
    public mutating func push(_ frame: Span<Float>, place: Int) throws(ModelError) -> Bool {
        precondition(!streams.isReady(place), "a stream's token is stepped before its next frame")
        let isToken = try model.keep(frame, &streams[place])
        if isToken { streams.markReady(place) }
        return isToken
    }

    /// Makes the logits of every stream that has a new token.
    /// - Returns: how many they are.
    @discardableResult
    public mutating func step() -> Int {
        let labels = model.configuration.labels.count
        let count = streams.ready
        // The rows of a window fill the workspace: such streams take turns.
        let together = model.encoder.keepsWindowRows ? 1 : max(count, 1)
        for first in stride(from: 0, to: count, by: together) {
            streams.current = first..<first + together
            model.encode(&streams, &workspace)
            for (row, index) in streams.current.enumerated() {
                logits.copy(
                    workspace.logits, from: row * labels, count: labels, to: streams.place(index) * labels)
            }
        }
        streams.clearReady()
        return count
    }

    /// The newest logits of the stream at `place`: one a label.
    @_lifetime(borrow self)
    public borrowing func logits(place: Int) -> Span<Float> {
        let labels = model.configuration.labels.count
        return logits.part(place * labels..<(place + 1) * labels)
    }

    /// Copies the newest logits of the stream at `place`: one a label.
    public func copyLogits(place: Int, to values: inout [Float]) {
        let first = place * model.configuration.labels.count
        for index in values.indices { values[index] = logits[first + index] }
    }

    /// Predictions that the stream at `place` has had.
    public func tokens(place: Int) -> Int64 { streams[place].tokens }

    package func snapshot(place: Int, to writer: inout SnapshotWriter) { streams[place].snapshot(to: &writer) }

    package mutating func restore(place: Int, from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try streams[place].restore(from: &reader)
    }
}
