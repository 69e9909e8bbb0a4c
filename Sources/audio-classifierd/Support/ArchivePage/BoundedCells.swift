/// Seconds of labels in a map of columns and rows: days and hours, or places in the order of files. Its size is
/// bounded: when there are too many columns or cells, a column takes the positions of two.
package struct BoundedCells: Sendable {
    package struct Cell: Hashable, Sendable {
        package let column: Int
        package let row: Int
    }

    /// Positions (days, files) of a column.
    package private(set) var unit = 1
    /// Seconds by label's index and cell.
    package private(set) var seconds: [[Cell: Double]] = []
    private var columns: Set<Int> = []
    private var count = 0
    private let columnLimit: Int
    private let cellLimit: Int

    /// - Parameter cellLimit: more than the labels times the rows, so that a single column fits.
    package init(columnLimit: Int, cellLimit: Int) {
        self.columnLimit = max(1, columnLimit)
        self.cellLimit = cellLimit
    }

    /// Adds seconds of a label at a position.
    package mutating func add(_ value: Double, label: Int, position: Int, row: Int) {
        while seconds.count <= label { seconds.append([:]) }
        let cell = Cell(column: position / unit, row: row)
        columns.insert(cell.column)
        if let old = seconds[label][cell] {
            seconds[label][cell] = old + value
        } else {
            seconds[label][cell] = value
            count += 1
        }
        while columns.count > 1, columns.count > columnLimit || count > cellLimit { halve() }
    }

    /// The first positions of the columns that have cells, in their order.
    package var positions: [Int] { columns.sorted().map { $0 * unit } }

    private mutating func halve() {
        unit *= 2
        columns = Set(columns.map { $0 / 2 })
        count = 0
        for label in seconds.indices {
            seconds[label] = Dictionary(
                seconds[label].map { (Cell(column: $0.key.column / 2, row: $0.key.row), $0.value) },
                uniquingKeysWith: +)
            count += seconds[label].count
        }
    }
}
