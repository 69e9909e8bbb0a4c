internal import Glibc

/// The approximate inverse Z of Gamma = softmax_rows(Qt Kt'), in float64 (docs/numerics.md, section 5).
package struct LandmarkInverse {
    /// m x m, row by row.
    package let values: [Double]

    /// - Parameters:
    ///   - queries: Qt, m x d.
    ///   - keys: Kt, m x d; both already carry d^(-1/4).
    package init(queries: [Double], keys: [Double], landmarks m: Int, kind: EncoderConfiguration.Inverse) {
        let width = queries.count / m
        var gamma = SquareMatrix(m)
        for i in 0..<m {
            for j in 0..<m {
                gamma[i, j] = (0..<width).reduce(0) { $0 + queries[i * width + $1] * keys[j * width + $1] }
            }
            let top = (0..<m).map { gamma[i, $0] }.max() ?? 0
            let total = (0..<m).reduce(0) { $0 + exp(gamma[i, $1] - top) }
            for j in 0..<m { gamma[i, j] = exp(gamma[i, j] - top) / total }
        }
        let inverse =
            switch kind {
            case .ridge(let lambda): gamma.ridgeInverse(lambda)
            case .newtonSchulz(let iterations): gamma.newtonSchulzInverse(iterations)
            }
        values = inverse.values
    }
}

private struct SquareMatrix {
    let size: Int
    var values: [Double]

    init(_ size: Int, diagonal: Double = 0) {
        self.size = size
        values = [Double](repeating: 0, count: size * size)
        for i in 0..<size { self[i, i] = diagonal }
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[row * size + column] }
        set { values[row * size + column] = newValue }
    }

    var transposed: SquareMatrix {
        var result = self
        for i in 0..<size { for j in 0..<size { result[i, j] = self[j, i] } }
        return result
    }

    static func * (a: SquareMatrix, b: SquareMatrix) -> SquareMatrix {
        var result = SquareMatrix(a.size)
        for i in 0..<a.size {
            for j in 0..<a.size { result[i, j] = (0..<a.size).reduce(0) { $0 + a[i, $1] * b[$1, j] } }
        }
        return result
    }

    /// factor * I - self
    func subtracted(from factor: Double) -> SquareMatrix {
        var result = SquareMatrix(size, diagonal: factor)
        for index in values.indices { result.values[index] -= values[index] }
        return result
    }

    /// (G'G + lambda I)^-1 G', by Cholesky: G'G + lambda I is symmetric and positive definite.
    func ridgeInverse(_ lambda: Double) -> SquareMatrix {
        let transpose = transposed
        var normal = transpose * self
        for i in 0..<size { normal[i, i] += lambda }
        var lower = SquareMatrix(size)
        for i in 0..<size {
            for j in 0...i {
                let rest = normal[i, j] - (0..<j).reduce(0) { $0 + lower[i, $1] * lower[j, $1] }
                lower[i, j] = i == j ? rest.squareRoot() : rest / lower[j, j]
            }
        }
        var result = transpose
        for column in 0..<size {
            for i in 0..<size {
                let rest = result[i, column] - (0..<i).reduce(0) { $0 + lower[i, $1] * result[$1, column] }
                result[i, column] = rest / lower[i, i]
            }
            for i in (0..<size).reversed() {
                let rest = result[i, column] - (i + 1..<size).reduce(0) { $0 + lower[$1, i] * result[$1, column] }
                result[i, column] = rest / lower[i, i]
            }
        }
        return result
    }

    /// V <- V/4 (13 I - G V (15 I - G V (7 I - G V))), from G' / (largest row sum * largest column sum) (Razavi et al., as in
    /// Nystromformer, arXiv 2102.03902, equation 15).
    func newtonSchulzInverse(_ iterations: Int) -> SquareMatrix {
        let rows = (0..<size).map { i in (0..<size).reduce(0) { $0 + abs(self[i, $1]) } }.max() ?? 1
        let columns = (0..<size).map { j in (0..<size).reduce(0) { $0 + abs(self[$1, j]) } }.max() ?? 1
        var v = transposed
        for index in v.values.indices { v.values[index] /= rows * columns }
        for _ in 0..<iterations {
            let gv = self * v
            let inner = (gv * gv.subtracted(from: 7)).subtracted(from: 15)
            v = v * (gv * inner).subtracted(from: 13)
            for index in v.values.indices { v.values[index] /= 4 }
        }
        return v
    }
}
