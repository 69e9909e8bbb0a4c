/// The number of multiply-adds of a prediction: products that are added to a sum, in matrix products and weighted sums
/// of vectors. Element-wise operations (norms, activations, exponentials, divisions) and the landmarks' inverse are not
/// counted.
public struct OperationCount: Sendable, Equatable {
    /// From frames to a token.
    public var stem = 0.0
    /// Queries, keys and values, and the output of attention; fixed landmarks are folded in.
    public var projections = 0.0
    public var attention = 0.0
    public var feedForward = 0.0
    /// From a context vector to logits.
    public var head = 0.0

    public var layers: Double { projections + attention + feedForward }
    public var total: Double { stem + layers + head }

    /// Counts the mean over the steps of a long stream.
    public init(_ configuration: ModelConfiguration) {
        self.init(configuration.encoder)
        stem = Double(
            configuration.stem.multiplyAdds(bands: configuration.inputWidth, width: configuration.encoder.width))
        head = Double(configuration.encoder.width * configuration.labels.count)
    }

    /// Counts the encoder layers alone.
    public init(_ encoder: EncoderConfiguration) {
        // After several windows, blocks repeat, and so do the offsets of the ends of segments in them.
        let block = Int64(BlockSchedule(window: encoder.window).block)
        let segment = Int64(encoder.window / (encoder.attention.landmarks ?? encoder.window))
        let start = 8 * Int64(encoder.window)
        let steps = (0..<block).map { Self(encoder, position: start + $0, endsSegment: false) }
        let ends = (1...block).map { start + $0 * segment - 1 }
        projections = steps[0].projections
        feedForward = steps[0].feedForward
        attention = steps.reduce(0) { $0 + $1.attention } / Double(block)
        let extra = ends.reduce(0.0) { sum, end in
            sum + Self(encoder, position: end, endsSegment: true).attention
                - Self(encoder, position: end, endsSegment: false).attention
        }
        attention += extra / Double(block * segment)
    }

    /// Counts the encoder layers for one token of a stream.
    package init(_ encoder: EncoderConfiguration, position: Int64) {
        let segment = Int64(encoder.window / (encoder.attention.landmarks ?? encoder.window))
        self.init(encoder, position: position, endsSegment: (position + 1).isMultiple(of: segment))
    }

    private init(_ encoder: EncoderConfiguration, position: Int64, endsSegment: Bool) {
        let filled = Int(min(position + 1, Int64(encoder.window)))
        let count = AttentionCount(encoder, filled: filled, position: position, endsSegment: endsSegment)
        for flow in encoder.layerFlows {
            let projected = flow.input == .window ? filled : 1
            let attended = flow.attended == .window ? filled : 1
            let newest = encoder.newestProjectionWidth(flow)
            projections += Double(
                encoder.width * (projected * (encoder.projectionWidth - newest) + newest + attended * encoder.width))
            feedForward += Double(2 * attended * encoder.width * encoder.feedForward)
            attention += Double(count.layer(flow))
        }
    }
}

extension StemConfiguration {
    /// Returns the multiply-adds of a token's frames.
    func multiplyAdds(bands: Int, width: Int) -> Int {
        switch self {
        case .linear(let frames): return frames * bands * width
        case .convolution(let layers):
            var (bands, channels, columns, count) = (bands, 1, framesPerToken, 0)
            for layer in layers {
                columns /= layer.timeStride
                bands = layer.outputBands(bands)
                let full = channels * layer.channels
                count += columns * bands * (layer.isSeparable ? 9 * channels + full : 9 * full)
                channels = layer.channels
            }
            return count + bands * channels * width
        }
    }
}

/// Multiply-adds of attention for one token, without projections.
private struct AttentionCount {
    private let encoder: EncoderConfiguration
    private let filled: Int
    private let position: Int64
    private let endsSegment: Bool
    private let d: Int  // D
    private let m: Int
    private let mixing: Int  // softmax(beta) Z, all heads

    init(_ encoder: EncoderConfiguration, filled: Int, position: Int64, endsSegment: Bool) {
        self.encoder = encoder
        self.endsSegment = endsSegment
        self.filled = filled
        self.position = position
        d = encoder.width
        m = encoder.attention.landmarks ?? 0
        mixing = encoder.heads * m * m
    }

    func layer(_ flow: LayerFlow) -> Int {
        let rows = flow.attended == .window ? filled : 1
        switch encoder.attention {
        case .full: return softmax(rows)
        case .continual:
            return flow == .retroactive ? retroactiveSoftmax : softmax(rows)
        case .nystromformer: return window(rows, scoring: true)
        case .continualNystrom(_, let update, _):
            switch flow {
            case .singleOutput: return update == .fixed ? sums + attend : movingSums + m * d + attend
            case .retroactive: return retroactiveNystrom(update)
            default: return window(rows, scoring: update == .continual)
            }
        }
    }

    private func softmax(_ rows: Int) -> Int { rows * 2 * filled * d }

    /// Every row's scores with the token that arrives and the one that leaves, three products for each element of its
    /// sum, and a new row.
    private var retroactiveSoftmax: Int {
        let capacity = encoder.window
        let leaving = position >= Int64(capacity) ? 2 : 0
        return (1 + leaving + 2) * capacity * d + 2 * filled * d
    }

    /// A recomputed window: Delta from every row, and each of `rows` rows from Delta.
    private func window(_ rows: Int, scoring: Bool) -> Int {
        let count = scoring ? filled / (encoder.window / m) : m
        guard count > 0 else { return softmax(rows) }
        let scores = scoring ? (filled + rows) * m * d + (updatesLandmarks ? count * m * d : 0) : 0
        return scores + filled * 2 * m * d + rows * (mixing + m * d)
    }

    /// Whether a recomputed window has new landmarks. Their products are counted, their inverse is not.
    private var updatesLandmarks: Bool {
        if case .nystromformer = encoder.attention { true } else { endsSegment }
    }

    /// Insertions and combinations of the sliding sums, each two products an element.
    private var sums: Int {
        let plan = BlockSchedule(window: encoder.window).plan(position)
        let completed = plan.completedBlock == nil ? 0 : plan.completedForNext ? 2 : 1
        let suffix = plan.suffixToken == nil ? 0 : 1
        return (1 + completed + plan.middleBlocks.count + suffix) * 2 * m * d
    }

    /// softmax(beta) Z Delta from three aggregates.
    private var attend: Int { mixing + 3 * m * d }

    private var movingSums: Int {
        sums + m * d + (endsSegment ? replacement : 0)
    }

    /// A new landmark's scores with the ring, and its rows of all aggregates.
    private var replacement: Int {
        let schedule = BlockSchedule(window: encoder.window)
        let coverage = schedule.coverage(position)
        let block = schedule.block
        var tokens = coverage.middle.count * block
        if coverage.oldest >= 0 { tokens += block - coverage.offset }
        if coverage.oldest + 1 >= 0 { tokens += coverage.offset }
        let first = max(0, position - Int64(encoder.window) + 1, coverage.newest * Int64(block))
        tokens += Int(position - first + 1)
        let combinations = coverage.middle.count + coverage.nextMiddle.count + coverage.nextMiddleCompleted.count
        let count = min(Int((position + 1) / Int64(encoder.window / m)), m)
        return encoder.window * d + count * m * d + (tokens + combinations) * 2 * d
    }

    /// Delta; one row of softmax(beta) Z, or all rows when landmarks moved; and the products of all rows with Delta.
    private func retroactiveNystrom(_ update: EncoderConfiguration.LandmarkUpdate) -> Int {
        let average = 2 * 2 * m * d
        guard update == .continual else { return sums + average + mixing + filled * m * d }
        return movingSums + average + (endsSegment ? filled : 1) * (m * d + mixing) + filled * m * d
    }
}
