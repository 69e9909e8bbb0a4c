internal import StreamTransformer
internal import TestSupport
internal import Testing

@Suite struct LandmarkInverseTests {
    /// By Cholesky's decomposition and by Gaussian elimination.
    @Test(arguments: [1, 2, 3, 8, 17]) func agreesWithTheOracle(_ landmarks: Int) throws {
        var random = SplitMix64(seed: UInt64(landmarks))
        for width in [1, 4, 16] {
            for kind in [
                EncoderConfiguration.Inverse.ridge(lambda: 1e-2), .ridge(lambda: 1e-5), .ridge(lambda: 10),
                .newtonSchulz(iterations: 1), .newtonSchulz(iterations: 6),
            ] {
                let queries = (0..<landmarks).map { _ in (0..<width).map { _ in random.normal() } }
                let keys = (0..<landmarks).map { _ in (0..<width).map { _ in random.normal() } }
                let observed = LandmarkInverse(
                    queries: queries.flatMap { $0 }, keys: keys.flatMap { $0 }, landmarks: landmarks, kind: kind)
                let gamma = queries.map { query in
                    softmax(keys.map { key in zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } })
                }
                let expected = OracleInverse.of(gamma, kind).flatMap { $0 }
                let scale = expected.reduce(0) { max($0, abs($1)) }
                for index in expected.indices {
                    let error = abs(observed.values[index] - expected[index])
                    #expect(error <= 1e-9 * scale, "\(kind), \(landmarks) landmarks, element \(index)")
                }
            }
        }
    }
}
