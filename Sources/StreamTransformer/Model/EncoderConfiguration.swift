internal import StrictCoding

/// The map from frames to tokens.
public enum StemConfiguration: Sendable, Equatable {
    /// A linear map of `frames` consecutive frames.
    case linear(frames: Int)
    /// Causal 3 x 3 convolutions over (time, band), each followed by ReLU, then a linear map of the last column.
    case convolution([ConvolutionLayer])

    public struct ConvolutionLayer: Sendable, Equatable {
        public let channels: Int
        public let timeStride: Int
        public let bandStride: Int
        public let bandPadding: BandPadding
        /// Whether the convolution is separable: 3 x 3 for each channel (ReLU), then a map of the channels in every
        /// band (ReLU).
        public let isSeparable: Bool

        /// Returns the number of output bands for `bands` input bands.
        package func outputBands(_ bands: Int) -> Int { (bands + bandStride - 1) / bandStride }
    }

    /// The padding of a convolution along the frequency axis.
    public enum BandPadding: String, Sendable, Codable {
        /// A zero before the first band and after the last: output band f reads the input bands s f - 1 to s f + 1, s
        /// being the stride.
        case symmetric
        /// Zeros after the last band only: output band f reads the input bands s f to s f + 2.
        case end
    }

    /// Frames of a token.
    public var framesPerToken: Int {
        switch self {
        case .linear(let frames): frames
        case .convolution(let layers): layers.reduce(1) { $0 * $1.timeStride }
        }
    }
}

/// The map from tokens to context vectors.
public struct EncoderConfiguration: Sendable, Equatable {
    public enum Norm: String, Sendable, Codable { case pre, post }
    public enum Activation: String, Sendable, Codable { case relu, gelu }
    /// The contents of a layer's window (docs/numerics.md, section 2).
    public enum Depth: String, Sendable, Codable, CaseIterable {
        /// The last n tokens: every prediction equals that of an encoder over these tokens alone.
        case window
        /// The layer's own last n inputs, each computed when its token arrived.
        case stream
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
    /// n, the number of tokens that attention covers, including the newest.
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
            let strides = layers.filter { $0.timeStride == 2 }.count
            try values.require(
                strides <= 12, .layers,
                "\(strides) layers with a time_stride of 2 make a token of 2^\(strides) frames, more than 4096")
            self = .convolution(layers)
        default:
            throw values.error(.kind, "\"\(kind)\" is neither linear nor convolution")
        }
    }
}

extension StemConfiguration.ConvolutionLayer: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case channels
        case timeStride = "time_stride"
        case bandStride = "band_stride"
        case bandPadding = "band_padding"
        case isSeparable = "separable"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        channels = try values.decode(Int.self, forKey: .channels)
        timeStride = try values.decode(Int.self, forKey: .timeStride)
        bandStride = try values.decode(Int.self, forKey: .bandStride)
        bandPadding =
            values.contains(.bandPadding)
            ? try values.decode(StemConfiguration.BandPadding.self, forKey: .bandPadding) : .symmetric
        isSeparable = values.contains(.isSeparable) ? try values.decode(Bool.self, forKey: .isSeparable) : false
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
        try values.require((2...10_000_000).contains(window), .window, "\(window) tokens are not in 2 ... 10000000")
        try attention.validate(window: window) { try values.require(false, .attention, $0) }
        if depth == .window, attention.isContinual {
            try values.require(
                layers <= 2, .depth,
                "\"window\" with continual attention has one layer, "
                    + "or two of which the first is retroactive, not \(layers)")
        }
        let size = StreamSize(self)
        try values.require(
            size.bytes <= StreamSize.largest, .window,
            "the memory of a stream would be \(gibibytes(size.bytes)), more than \(gibibytes(StreamSize.largest))")
        try values.require(
            size.foldedBytes <= StreamSize.largest, .attention,
            "the landmarks' matrices would take \(gibibytes(size.foldedBytes)), "
                + "more than \(gibibytes(StreamSize.largest))")
        if let landmarks = attention.landmarks {
            try values.require(
                heads * landmarks * landmarks <= 1 << 22, .attention,
                "\(landmarks) landmarks of \(heads) heads are too many to invert: "
                    + "heads x landmarks^2 is at most 4194304")
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

func gibibytes(_ bytes: Double) -> String { "\(Int((min(bytes, 0x1p80) / 0x1p30).rounded(.up))) GiB" }
