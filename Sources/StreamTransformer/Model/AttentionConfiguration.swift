internal import StrictCoding

extension EncoderConfiguration {
    /// The attention systems that arXiv 2412.03214 compares (docs/numerics.md, section 2).
    public enum Attention: Sendable, Equatable {
        /// Softmax attention over the whole window, recomputed for every token.
        case full
        /// Nystrom attention over the whole window, recomputed for every token (arXiv 2102.03902). The landmarks are
        /// the means of the window's segments.
        case nystromformer(landmarks: Int, inverse: Inverse)
        /// Softmax attention from a memory of keys and values (arXiv 2201.06268).
        case continual
        /// Nystrom attention from sliding sums (arXiv 2412.03214).
        case continualNystrom(landmarks: Int, update: LandmarkUpdate = .fixed, inverse: Inverse)
    }

    /// The source of the landmarks of continual Nystrom attention.
    public enum LandmarkUpdate: String, Sendable, Codable, CaseIterable {
        /// Tensors of the model.
        case fixed
        /// Means of the stream's last complete segments.
        case continual
    }

    /// The approximate inverse of the landmarks' attention matrix (docs/numerics.md, section 5).
    public enum Inverse: Sendable, Equatable {
        case ridge(lambda: Double)
        case newtonSchulz(iterations: Int)
    }
}

extension EncoderConfiguration.Attention {
    /// m, the number of landmarks; nil without landmarks.
    public var landmarks: Int? {
        switch self {
        case .full, .continual: nil
        case .nystromformer(let landmarks, _), .continualNystrom(let landmarks, _, _): landmarks
        }
    }

    /// The approximate inverse; nil without landmarks.
    public var inverse: EncoderConfiguration.Inverse? {
        switch self {
        case .full, .continual: nil
        case .nystromformer(_, let inverse), .continualNystrom(_, _, let inverse): inverse
        }
    }

    /// Whether attention keeps a memory of earlier tokens, instead of recomputing the window for every token.
    public var isContinual: Bool {
        switch self {
        case .full, .nystromformer: false
        case .continual, .continualNystrom: true
        }
    }

    /// Whether the landmarks are tensors of the model.
    var hasFixedLandmarks: Bool {
        if case .continualNystrom(_, .fixed, _) = self { true } else { false }
    }

    /// Calls `refuse` with a reason if these landmarks do not fit the window.
    func validate(window: Int, refuse: (String) throws -> Void) throws {
        guard let landmarks else { return }
        guard (1...window).contains(landmarks) && landmarks <= 1024 else {
            return try refuse("\(landmarks) landmarks are not in 1 ... window (\(window)), or more than 1024")
        }
        guard hasFixedLandmarks || window.isMultiple(of: landmarks) else {
            return try refuse(
                "\(landmarks) landmarks do not divide a window of \(window) tokens into segments of equal length")
        }
    }
}

extension EncoderConfiguration.Attention: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, landmarks, count, inverse }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let kind = try values.decode(String.self, forKey: .kind)
        func count() throws -> Int { try values.decode(Int.self, forKey: .count) }
        func inverse() throws -> EncoderConfiguration.Inverse {
            try values.decode(EncoderConfiguration.Inverse.self, forKey: .inverse)
        }
        switch kind {
        case "full":
            try values.requireOnly([.kind], kind)
            self = .full
        case "nystromformer":
            try values.requireOnly([.kind, .count, .inverse], kind)
            self = .nystromformer(landmarks: try count(), inverse: try inverse())
        case "continual":
            try values.requireOnly([.kind], kind)
            self = .continual
        case "continual-nystrom":
            let name = try values.decode(String.self, forKey: .landmarks)
            guard let update = EncoderConfiguration.LandmarkUpdate(rawValue: name) else {
                throw values.error(.landmarks, "\"\(name)\" is neither fixed nor continual")
            }
            self = .continualNystrom(landmarks: try count(), update: update, inverse: try inverse())
        default:
            throw values.error(
                .kind, "\"\(kind)\" is none of full, nystromformer, continual and continual-nystrom")
        }
    }
}

extension EncoderConfiguration.Inverse: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, lambda, iterations }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let kind = try values.decode(String.self, forKey: .kind)
        switch kind {
        case "ridge":
            try values.requireOnly([.kind, .lambda], kind)
            let lambda = try values.decode(Double.self, forKey: .lambda)
            try values.require(
                (1e-5...1e3).contains(lambda), .lambda,
                "\(lambda) is not in 1e-5 ... 1000: "
                    + "below that the inverse amplifies noise (docs/numerics.md, section 5)")
            self = .ridge(lambda: lambda)
        case "newton-schulz":
            try values.requireOnly([.kind, .iterations], kind)
            let iterations = try values.decode(Int.self, forKey: .iterations)
            try values.require((1...100).contains(iterations), .iterations, "\(iterations) is not in 1 ... 100")
            self = .newtonSchulz(iterations: iterations)
        default:
            throw values.error(.kind, "\"\(kind)\" is neither ridge nor newton-schulz")
        }
    }
}
