internal import StrictDecoding

/// How frames become tokens.
public enum StemConfiguration: Sendable, Equatable {
    /// A linear map of `frames` consecutive frames.
    case linear(frames: Int)
    /// Causal 3 x 3 convolutions over (time, band), each followed by ReLU, then a linear map of the last column.
    case convolution([ConvolutionLayer])

    public struct ConvolutionLayer: Sendable, Equatable {
        public let channels: Int
        public let timeStride: Int
        public let bandStride: Int
    }

    /// Frames that a token takes in.
    public var framesPerToken: Int {
        switch self {
        case .linear(let frames): frames
        case .convolution(let layers): layers.reduce(1) { $0 * $1.timeStride }
        }
    }
}

/// How tokens become context vectors.
public struct EncoderConfiguration: Sendable, Equatable {
    public enum Norm: String, Sendable, Codable { case pre, post }
    public enum Activation: String, Sendable, Codable { case relu, gelu }
    public enum Depth: String, Sendable, Codable { case stream }
    /// The approximate inverse of the landmarks' attention matrix (docs/numerics.md, section 5): part of the model.
    public enum Inverse: Sendable, Equatable {
        case ridge(lambda: Double)
        case newtonSchulz(iterations: Int)
    }
    public enum Attention: Sendable, Equatable {
        /// Softmax over a ring of keys and values.
        case continual
        /// Fixed landmarks.
        case continualNystrom(landmarks: Int, inverse: Inverse)
    }
    public enum Position: Sendable, Equatable {
        case none
        case recycling(period: Int)
    }

    /// D, the length of a token.
    public let width: Int
    public let layers: Int
    public let heads: Int
    /// Hidden units of the feed-forward part.
    public let feedForward: Int
    /// n, tokens that attention looks back on, the newest included.
    public let window: Int
    public let attention: Attention
    public let depth: Depth
    public let norm: Norm
    public let activation: Activation
    public let position: Position

    /// d, the elements of a head.
    public var headWidth: Int { width / heads }
}

extension StemConfiguration: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, frames, layers }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let kind = try values.decode(String.self, forKey: .kind)
        switch kind {
        case "linear":
            let frames = try values.decode(Int.self, forKey: .frames)
            try values.require((1...4096).contains(frames), .frames, "\(frames) is not in 1 ... 4096")
            self = .linear(frames: frames)
        case "convolution":
            let layers = try values.decode([ConvolutionLayer].self, forKey: .layers)
            try values.require((1...32).contains(layers.count), .layers, "\(layers.count) layers are not 1 ... 32")
            self = .convolution(layers)
        default:
            try values.require(false, .kind, "\"\(kind)\" is neither linear nor convolution")
            self = .linear(frames: 1)
        }
    }
}

extension StemConfiguration.ConvolutionLayer: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case channels
        case timeStride = "time_stride"
        case bandStride = "band_stride"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        channels = try values.decode(Int.self, forKey: .channels)
        timeStride = try values.decode(Int.self, forKey: .timeStride)
        bandStride = try values.decode(Int.self, forKey: .bandStride)
        try values.require((1...4096).contains(channels), .channels, "\(channels) is not in 1 ... 4096")
        try values.require((1...2).contains(timeStride), .timeStride, "\(timeStride) is neither 1 nor 2")
        try values.require((1...2).contains(bandStride), .bandStride, "\(bandStride) is neither 1 nor 2")
    }
}

extension EncoderConfiguration: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case width, layers, heads, window, attention, depth, norm, activation, position
        case feedForward = "feed_forward"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        width = try values.decode(Int.self, forKey: .width)
        layers = try values.decode(Int.self, forKey: .layers)
        heads = try values.decode(Int.self, forKey: .heads)
        feedForward = try values.decode(Int.self, forKey: .feedForward)
        window = try values.decode(Int.self, forKey: .window)
        attention = try values.decode(Attention.self, forKey: .attention)
        depth = try values.decode(Depth.self, forKey: .depth)
        norm = try values.decode(Norm.self, forKey: .norm)
        activation = try values.decode(Activation.self, forKey: .activation)
        position = try values.decode(Position.self, forKey: .position)
        try values.require((1...16384).contains(width), .width, "\(width) is not in 1 ... 16384")
        try values.require((1...256).contains(layers), .layers, "\(layers) is not in 1 ... 256")
        try values.require(
            heads >= 1 && width.isMultiple(of: heads), .heads, "\(heads) heads do not divide a width of \(width)")
        try values.require((1...65536).contains(feedForward), .feedForward, "\(feedForward) is not in 1 ... 65536")
        try values.require(
            (2...10_000_000).contains(window) && window * width * layers <= 1 << 31, .window,
            "\(window) tokens are not in 2 ... 10000000, or their memory exceeds 8 GiB")
        if case .continualNystrom(let landmarks, _) = attention {
            try values.require(
                (1...window).contains(landmarks) && landmarks <= 1024, .attention,
                "\(landmarks) landmarks are not in 1 ... window (\(window))")
        }
    }
}

extension EncoderConfiguration.Attention: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, landmarks, count, inverse }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let kind = try values.decode(String.self, forKey: .kind)
        if kind == "continual" {
            self = .continual
            return
        }
        try values.require(kind == "continual-nystrom", .kind, "\"\(kind)\" is neither continual nor continual-nystrom")
        let landmarks = try values.decode(String.self, forKey: .landmarks)
        try values.require(landmarks == "fixed", .landmarks, "\"\(landmarks)\" is not fixed")
        self = .continualNystrom(
            landmarks: try values.decode(Int.self, forKey: .count),
            inverse: try values.decode(EncoderConfiguration.Inverse.self, forKey: .inverse))
    }
}

extension EncoderConfiguration.Inverse: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, lambda, iterations }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let kind = try values.decode(String.self, forKey: .kind)
        switch kind {
        case "ridge":
            let lambda = try values.decode(Double.self, forKey: .lambda)
            try values.require(
                (1e-5...1e3).contains(lambda), .lambda,
                "\(lambda) is not in 1e-5 ... 1000: below that the inverse amplifies noise (docs/numerics.md, section 5)"
            )
            self = .ridge(lambda: lambda)
        case "newton-schulz":
            let iterations = try values.decode(Int.self, forKey: .iterations)
            try values.require((1...100).contains(iterations), .iterations, "\(iterations) is not in 1 ... 100")
            self = .newtonSchulz(iterations: iterations)
        default:
            try values.require(false, .kind, "\"\(kind)\" is neither ridge nor newton-schulz")
            self = .ridge(lambda: 1)
        }
    }
}

extension EncoderConfiguration.Position: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable { case kind, period }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let kind = try values.decode(String.self, forKey: .kind)
        if kind == "none" {
            self = .none
            return
        }
        try values.require(kind == "recycling", .kind, "\"\(kind)\" is neither none nor recycling")
        let period = try values.decode(Int.self, forKey: .period)
        try values.require((1...1_000_000).contains(period), .period, "\(period) is not in 1 ... 1000000")
        self = .recycling(period: period)
    }
}
