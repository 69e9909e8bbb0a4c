internal import Glibc

/// The approximate inverse Z of Gamma = softmax_rows(Qt Kt'), in float64 (docs/numerics.md, section 5). Memory for up
/// to `capacity` landmarks is allocated once, because moving landmarks are inverted within a step.
package struct LandmarkInverse: Sendable {
    /// Z, m x m, row by row, in its first m x m elements.
    package private(set) var values: [Double]
    /// The products Qt_i . Kt_j, m x m, row by row; then Gamma.
    var gamma: [Double]
    private var first: [Double]
    private var second: [Double]
    private var scratch: [Double]

    package init(capacity: Int) {
        values = [Double](repeating: 0, count: capacity * capacity)
        gamma = values
        first = values
        second = values
        scratch = values
    }

    /// Computes Z of constant landmarks.
    /// - Parameters:
    ///   - queries: Qt, m x d.
    ///   - keys: Kt, m x d. Both include the factor d^(-1/4).
    package init(queries: [Double], keys: [Double], landmarks m: Int, kind: EncoderConfiguration.Inverse) {
        self.init(capacity: m)
        let width = queries.count / m
        for i in 0..<m {
            for j in 0..<m {
                gamma[i * m + j] = (0..<width).reduce(0) { $0 + queries[i * width + $1] * keys[j * width + $1] }
            }
        }
        solve(landmarks: m, kind: kind)
    }

    var bytes: Int { 8 * 5 * values.count }

    /// Computes `values` from the products Qt_i . Kt_j in the first m x m elements of `gamma`.
    mutating func solve(landmarks m: Int, kind: EncoderConfiguration.Inverse) {
        for i in 0..<m {
            var top = -Double.infinity
            for j in 0..<m { top = max(top, gamma[i * m + j]) }
            var total = 0.0
            for j in 0..<m {
                gamma[i * m + j] = exp(gamma[i * m + j] - top)
                total += gamma[i * m + j]
            }
            for j in 0..<m { gamma[i * m + j] /= total }
        }
        switch kind {
        case .ridge(let lambda): solveRidge(m, lambda)
        case .newtonSchulz(let iterations): iterate(m, iterations)
        }
    }

    /// Computes (G'G + lambda I)^-1 G' by Cholesky decomposition; G'G + lambda I is symmetric and positive definite.
    private mutating func solveRidge(_ m: Int, _ lambda: Double) {
        transpose(m)
        Self.multiply(values, gamma, into: &first, m)
        for i in 0..<m { first[i * m + i] += lambda }
        for i in 0..<m {  // The lower triangle overwrites the matrix.
            for j in 0...i {
                var rest = first[i * m + j]
                for k in 0..<j { rest -= first[i * m + k] * first[j * m + k] }
                first[i * m + j] = i == j ? rest.squareRoot() : rest / first[j * m + j]
            }
        }
        for i in 0..<m {  // Forward and back substitution, all columns at once.
            for k in 0..<i { subtractRow(k, times: first[i * m + k], from: i, m) }
            divideRow(i, by: first[i * m + i], m)
        }
        for i in (0..<m).reversed() {
            for k in i + 1..<m { subtractRow(k, times: first[k * m + i], from: i, m) }
            divideRow(i, by: first[i * m + i], m)
        }
    }

    private mutating func subtractRow(_ source: Int, times factor: Double, from target: Int, _ m: Int) {
        for column in 0..<m { values[target * m + column] -= factor * values[source * m + column] }
    }

    private mutating func divideRow(_ row: Int, by divisor: Double, _ m: Int) {
        for column in 0..<m { values[row * m + column] /= divisor }
    }

    /// Iterates V <- V/4 (13 I - G V (15 I - G V (7 I - G V))), beginning with G' / (largest row sum * largest column
    /// sum) (Razavi et al., as in Nystromformer, arXiv 2102.03902, equation 15).
    private mutating func iterate(_ m: Int, _ iterations: Int) {
        var (rows, columns) = (0.0, 0.0)
        for i in 0..<m {
            var (row, column) = (0.0, 0.0)
            for j in 0..<m {
                row += abs(gamma[i * m + j])
                column += abs(gamma[j * m + i])
            }
            (rows, columns) = (max(rows, row), max(columns, column))
        }
        transpose(m)
        for index in 0..<m * m { values[index] /= rows * columns }
        for _ in 0..<iterations {
            Self.multiply(gamma, values, into: &first, m)  // G V
            Self.subtract(first, from: 7, into: &second, m)
            Self.multiply(first, second, into: &scratch, m)
            Self.subtract(scratch, from: 15, into: &second, m)
            Self.multiply(first, second, into: &scratch, m)
            Self.subtract(scratch, from: 13, into: &second, m)
            Self.multiply(values, second, into: &scratch, m)
            for index in 0..<m * m { values[index] = scratch[index] / 4 }
        }
    }

    /// Computes values = Gamma'.
    private mutating func transpose(_ m: Int) {
        for i in 0..<m { for j in 0..<m { values[i * m + j] = gamma[j * m + i] } }
    }

    private static func multiply(_ a: [Double], _ b: [Double], into c: inout [Double], _ m: Int) {
        for i in 0..<m {
            for j in 0..<m { c[i * m + j] = 0 }
            for k in 0..<m {
                let factor = a[i * m + k]
                for j in 0..<m { c[i * m + j] += factor * b[k * m + j] }
            }
        }
    }

    /// Computes c = factor * I - A.
    private static func subtract(_ a: [Double], from factor: Double, into c: inout [Double], _ m: Int) {
        for index in 0..<m * m { c[index] = (index % (m + 1) == 0 ? factor : 0) - a[index] }
    }
}
