internal import Glibc

/// Rows of a stream of any length in a bounded number of columns. When they are full, every two neighbours become one,
/// with the larger of their values.
package struct BoundedColumns: Sendable {
    /// Values of a column.
    package let height: Int
    /// Values of all complete columns, column by column.
    package private(set) var values: [Float] = []
    /// Rows that a column stands for.
    package private(set) var rowsPerColumn = 1
    private let limit: Int
    private var column: [Float] = []
    private var rows = 0

    /// - Parameter limit: the largest number of columns, an even number.
    package init(height: Int, limit: Int) {
        precondition(height > 0 && limit > 0 && limit.isMultiple(of: 2), "columns have values and come in pairs")
        self.height = height
        self.limit = limit
    }

    /// Number of complete columns.
    package var count: Int { values.count / height }

    /// Adds a row of `height` values.
    package mutating func append(_ row: Span<Float>) {
        precondition(row.count == height, "a row is a column of one time")
        if rows == 0 { column = Array(repeating: -.infinity, count: height) }
        for index in 0..<height { column[index] = max(column[index], row[index]) }
        rows += 1
        guard rows == rowsPerColumn else { return }
        finish()
        if count == limit { halve() }
    }

    /// Completes the last column.
    package mutating func finish() {
        guard rows > 0 else { return }
        values += column
        rows = 0
    }

    private mutating func halve() {
        for target in 0..<limit / 2 {
            for index in 0..<height {
                let first = 2 * target * height + index
                values[target * height + index] = max(values[first], values[first + height])
            }
        }
        values.removeLast(values.count / 2)
        rowsPerColumn *= 2
    }
}
