internal import TestSupport
internal import Testing
internal import audio_classifierd

/// The columns of a report's pictures.
@Suite struct BoundedColumnTests {
    /// Columns are the largest values of equally long groups of rows, and never more than the limit.
    @Test(arguments: [0, 1, 7, 8, 9, 16, 17, 100, 1000, 1024, 1025])
    func columnsAreMaxima(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let rows = (0..<count).map { _ in (0..<3).map { _ in Float(random.uniform()) } }
        var columns = BoundedColumns(height: 3, limit: 8)
        for row in rows { columns.append(row.span) }
        columns.finish()
        let size = columns.rowsPerColumn
        // The least power of two with which all rows fit.
        #expect(size == 1 || count >= size / 2 * 8)
        #expect(columns.count == (count + size - 1) / size && columns.count <= 8)
        let expected = stride(from: 0, to: count, by: size).flatMap { start in
            (0..<3).map { index in rows[start..<min(start + size, count)].map { $0[index] }.max() ?? 0 }
        }
        #expect(columns.values == expected)
    }
}
