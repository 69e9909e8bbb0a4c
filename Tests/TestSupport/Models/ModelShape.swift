package import StreamTransformer
package import StrictCoding

/// The properties of a random model. Its weights follow from the seed.
package struct ModelShape: Sendable, Equatable {
    package struct ConvolutionLayer: Sendable, Equatable {
        package var channels: Int
        package var timeStride: Int
        package var bandStride: Int
        package var bandPadding: StemConfiguration.BandPadding
        package var isSeparable: Bool

        package init(
            channels: Int, timeStride: Int, bandStride: Int, bandPadding: StemConfiguration.BandPadding = .symmetric,
            isSeparable: Bool = false
        ) {
            self.channels = channels
            self.timeStride = timeStride
            self.bandStride = bandStride
            self.bandPadding = bandPadding
            self.isSeparable = isSeparable
        }

        /// Omits the keys that have their default value.
        fileprivate var configuration: JSONValue {
            var members: [String: JSONValue] = [
                "channels": .number(Double(channels)), "time_stride": .number(Double(timeStride)),
                "band_stride": .number(Double(bandStride)),
            ]
            if bandPadding != .symmetric { members["band_padding"] = .string(bandPadding.rawValue) }
            if isSeparable { members["separable"] = .bool(true) }
            return .object(members)
        }
    }

    package enum Stem: Sendable, Equatable {
        case linear(frames: Int)
        case convolution([ConvolutionLayer])
    }

    package var seed: UInt64 = 1
    package var bands = 7
    package var labels = 5
    /// Whether the head is the identity, so that the logits are the context vector.
    package var hasIdentityHead = false
    package var stem = Stem.linear(frames: 1)
    package var heads = 3
    package var headWidth = 4
    package var layers = 2
    package var feedForward = 17
    package var window = 6
    package var attention = EncoderConfiguration.Attention.continual
    package var depth = EncoderConfiguration.Depth.stream
    package var norm = EncoderConfiguration.Norm.pre
    package var activation = EncoderConfiguration.Activation.relu
    package var position = EncoderConfiguration.Position.none
    /// Number of contexts that temporal mean pooling averages.
    package var pooledContexts = 1
    /// Approximate standard deviation of the logits of attention.
    package var logitScale = 1.0

    package init() {}

    package var width: Int { heads * headWidth }

    /// Landmarks that are tensors of the model.
    package var fixedLandmarks: Int? {
        if case .continualNystrom(let landmarks, .fixed, _) = attention { landmarks } else { nil }
    }

    package var framesPerToken: Int {
        switch stem {
        case .linear(let frames): frames
        case .convolution(let layers): layers.reduce(1) { $0 * $1.timeStride }
        }
    }

    /// Returns random frames of `tokens` tokens.
    package func frames(tokens: Int, seed: UInt64) -> [[Float]] {
        var random = SplitMix64(seed: seed)
        return (0..<tokens * framesPerToken).map { _ in random.normals(bands, deviation: 1.5, mean: 0.5) }
    }

    /// `config.json` without the size and the hash of the weights.
    package var configuration: JSONValue {
        var members: [String: JSONValue] = [
            "format_version": 1,
            "name": "random",
            "description": "Random weights.",
            "licence": "CC0-1.0",
            "labels": .array((0..<labels).map { .string("label \($0)") }),
            "frontend": .null,
            "input_width": .number(Double(bands)),
            "stem": stemConfiguration,
            "encoder": encoderConfiguration,
            "activation": "softmax",
            "background": .array([]),
            "decision": .object([
                "threshold": 0.6, "threshold_off": 0.4, "min_duration_ms": 0, "max_gap_ms": 120, "refractory_ms": 500,
                "class_thresholds": .object([:]),
            ]),
            "weights": .object([
                "file": "model.safetensors", "bytes": 0, "sha256": .string(String(repeating: "0", count: 64)),
            ]),
            "golden": .object(["tolerance": 1e-4]),
            "card": .object([:]),
        ]
        if pooledContexts > 1 { members["head"] = .object(["average": .number(Double(pooledContexts))]) }
        return .object(members)
    }

    private var stemConfiguration: JSONValue {
        switch stem {
        case .linear(let frames):
            .object(["kind": "linear", "frames": .number(Double(frames))])
        case .convolution(let layers):
            .object(["kind": "convolution", "layers": .array(layers.map(\.configuration))])
        }
    }

    private var encoderConfiguration: JSONValue {
        var attention: [String: JSONValue] = [:]
        switch self.attention {
        case .full: attention["kind"] = "full"
        case .nystromformer: attention["kind"] = "nystromformer"
        case .continual: attention["kind"] = "continual"
        case .continualNystrom(_, let update, _):
            attention["kind"] = "continual-nystrom"
            attention["landmarks"] = .string(update.rawValue)
        }
        if let landmarks = self.attention.landmarks { attention["count"] = .number(Double(landmarks)) }
        switch self.attention.inverse {
        case .ridge(let lambda): attention["inverse"] = .object(["kind": "ridge", "lambda": .number(lambda)])
        case .newtonSchulz(let iterations):
            attention["inverse"] = .object(["kind": "newton-schulz", "iterations": .number(Double(iterations))])
        case nil: break
        }
        var position: [String: JSONValue] = ["kind": "none"]
        if case .recycling(let period) = self.position {
            position = ["kind": "recycling", "period": .number(Double(period))]
        }
        return .object([
            "width": .number(Double(width)), "layers": .number(Double(layers)), "heads": .number(Double(heads)),
            "feed_forward": .number(Double(feedForward)), "window": .number(Double(window)),
            "attention": .object(attention), "depth": .string(depth.rawValue), "norm": .string(norm.rawValue),
            "activation": .string(activation.rawValue), "position": .object(position),
        ])
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .number(Double(value)) }
    package init(floatLiteral value: Double) { self = .number(value) }
}

extension JSONValue {
    /// Returns the object with another value at `path`, or with none.
    package func with(_ path: [String], _ value: JSONValue?) -> JSONValue {
        guard let key = path.first, case .object(var members) = self else { return self }
        members[key] = path.count == 1 ? value : members[key]?.with(Array(path.dropFirst()), value)
        return .object(members)
    }
}
