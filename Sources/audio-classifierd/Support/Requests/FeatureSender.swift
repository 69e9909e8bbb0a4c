internal import StrictCoding

/// Rows of features as answers: a line with the shape, then the numbers as little-endian float32.
struct FeatureSender {
    /// Bytes of one answer.
    private static let pieceSize = 1 << 20

    private let columns: Int
    private let request: String
    private let output: RequestOutput
    private var pending: [UInt8] = []
    /// Number of rows so far.
    private(set) var rows = 0

    init(columns: Int, request: String, output: RequestOutput) {
        self.columns = columns
        self.request = request
        self.output = output
    }

    /// Adds whole rows.
    mutating func add(_ values: Span<Float>) throws {
        for index in values.indices {
            let pattern = values[index].bitPattern
            for byte in 0..<4 { pending.append(UInt8(truncatingIfNeeded: pattern >> UInt32(8 * byte))) }
        }
        rows += values.count / columns
        if pending.count >= Self.pieceSize { try flush() }
    }

    /// Sends what is left.
    mutating func flush() throws {
        guard !pending.isEmpty else { return }
        var object = JSONWriter(type: "features")
        object.add("rows", pending.count / (4 * columns))
        object.add("columns", columns)
        object.add("bytes", pending.count)
        try output.write(object, request: request, bytes: pending)
        pending.removeAll(keepingCapacity: true)
    }
}
