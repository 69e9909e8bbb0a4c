internal import StreamTransformer

/// One head's landmarks and the approximate inverse of Gamma = softmax(Qt Kt').
struct OracleLandmarks {
    let queries: [[Double]]  // Qt
    let keys: [[Double]]  // Kt
    let inverse: [[Double]]  // Z

    init(queries: [[Double]], keys: [[Double]], _ kind: EncoderConfiguration.Inverse) {
        self.queries = queries
        self.keys = keys
        inverse = OracleInverse.of(queries.map { softmax($0, keys) }, kind)
    }

    /// The means of the complete segments of a window, counted from its first token (Nystromformer, arXiv 2102.03902,
    /// equation 13); none if no segment is complete.
    static func ofSegments(
        _ window: OracleAttention.Projections, length: Int, _ kind: EncoderConfiguration.Inverse
    ) -> [OracleLandmarks]? {
        func means(_ tokens: [[Double]]) -> [[Double]] {
            (0..<tokens.count / length).map { segment in
                average(
                    Array(tokens[segment * length..<(segment + 1) * length]),
                    [Double](repeating: 1 / Double(length), count: length))
            }
        }
        let landmarks = zip(window.queries, window.keys).map { queries, keys in
            OracleLandmarks(queries: means(queries), keys: means(keys), kind)
        }
        return landmarks.allSatisfy { $0.queries.isEmpty } ? nil : landmarks
    }
}

/// The landmarks of a layer at each token of a stream.
struct OracleLandmarkHistory {
    private let encoder: EncoderConfiguration
    private var current: [OracleLandmarks]?

    init(_ prefix: String, _ encoder: EncoderConfiguration, _ tensors: OracleTensors) throws {
        self.encoder = encoder
        if case .continualNystrom(_, .fixed, let kind) = encoder.attention {
            current = zip(
                try tensors.matrices("\(prefix).landmarks.query"), try tensors.matrices("\(prefix).landmarks.key")
            ).map { OracleLandmarks(queries: $0, keys: $1, kind) }
        }
    }

    /// Returns the landmarks of token t, whose window has these projections. Call it for every token in turn.
    mutating func landmarks(of t: Int, _ window: OracleAttention.Projections) -> [OracleLandmarks]? {
        switch encoder.attention {
        case .full, .continual: return nil
        case .continualNystrom(_, .fixed, _): return current
        case .nystromformer(let count, let kind):
            return OracleLandmarks.ofSegments(window, length: encoder.window / count, kind)
        case .continualNystrom(let count, .continual, let kind):
            let length = encoder.window / count
            if (t + 1) % length == 0 { current = OracleLandmarks.ofSegments(window, length: length, kind) }
            return current
        }
    }
}
