package import StreamTransformer

/// Z, the approximate inverse of Gamma (`docs/model-format.md`, "encoder").
package enum OracleInverse {
    package static func of(_ gamma: [[Double]], _ kind: EncoderConfiguration.Inverse) -> [[Double]] {
        switch kind {
        case .ridge(let lambda): ridge(gamma, lambda)
        case .newtonSchulz(let iterations): newtonSchulz(gamma, iterations)
        }
    }

    /// Returns (Gamma' Gamma + lambda I)^-1 Gamma'.
    private static func ridge(_ gamma: [[Double]], _ lambda: Double) -> [[Double]] {
        var normal = product(transposed(gamma), gamma)
        for index in normal.indices { normal[index][index] += lambda }
        return solve(normal, transposed(gamma))
    }

    /// Returns A^-1 B by Gaussian elimination with partial pivoting.
    private static func solve(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
        let size = a.count
        var rows = zip(a, b).map { left, right in left + right }  // (A | B)
        for column in 0..<size {
            let pivot = (column..<size).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
            rows.swapAt(column, pivot)
            let divisor = rows[column][column]
            rows[column] = rows[column].map { $0 / divisor }
            for row in 0..<size where row != column {
                let factor = rows[row][column]
                for entry in rows[row].indices { rows[row][entry] -= factor * rows[column][entry] }
            }
        }
        return rows.map { Array($0[size...]) }
    }

    /// V <- V/4 (13 I - G V (15 I - G V (7 I - G V))), from V0 = G' / (largest row sum * largest column sum): the
    /// iteration of Nystromformer (arXiv 2102.03902).
    private static func newtonSchulz(_ gamma: [[Double]], _ iterations: Int) -> [[Double]] {
        let rows = gamma.map { $0.reduce(0) { $0 + abs($1) } }.max() ?? 1
        let columns = transposed(gamma).map { $0.reduce(0) { $0 + abs($1) } }.max() ?? 1
        var v = transposed(gamma).map { $0.map { $0 / (rows * columns) } }
        for _ in 0..<iterations {
            let gv = product(gamma, v)
            let first = difference(7, gv)
            let second = difference(15, product(gv, first))
            let third = difference(13, product(gv, second))
            v = product(v, third).map { $0.map { $0 / 4 } }
        }
        return v
    }

    /// Returns factor I - A.
    private static func difference(_ factor: Double, _ a: [[Double]]) -> [[Double]] {
        a.indices.map { i in a.indices.map { j in (i == j ? factor : 0) - a[i][j] } }
    }

    private static func transposed(_ a: [[Double]]) -> [[Double]] {
        a.indices.map { j in a.indices.map { i in a[i][j] } }
    }

    private static func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
        let columns = transposed(b)
        return a.map { row in columns.map { dot(row, $0) } }
    }
}
