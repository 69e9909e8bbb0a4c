internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
public import StreamTransformer
internal import StrictCoding

/// Models of encoder layers with random weights and a minimal stem and head, for benchmarks of attention.
public enum LayerModel {
    /// Shape of the layers unless a model's encoder is given.
    static let (width, heads, feedForward, landmarks) = (192, 16, 192, 8)

    /// The code of the error for layers that no model may have, such as those of too costly a window.
    static let errorCode = "benchmark"

    /// Returns the configuration of layers of the benchmark's shape, or of the shape of `encoder`.
    public static func configuration(
        _ system: AttentionSystem, window: Int, like encoder: EncoderConfiguration? = nil
    ) throws -> ModelConfiguration {
        let landmarks = encoder?.attention.landmarks ?? landmarks
        let json = """
            {"format_version":1,"name":"layer","description":"layers","licence":"CC0-1.0","labels":["a"],
            "frontend":null,"input_width":1,"stem":{"kind":"linear","frames":1},
            "encoder":{"width":\(encoder?.width ?? width),"layers":\(system.layers),
            "heads":\(encoder?.heads ?? heads),"feed_forward":\(encoder?.feedForward ?? feedForward),
            "window":\(window),"attention":\(system.json(landmarks: landmarks)),"depth":"\(system.depth.rawValue)",
            "norm":"post","activation":"relu","position":{"kind":"none"}},"activation":"softmax","background":[],
            "decision":{"threshold":0.5,"threshold_off":0.5,"min_duration_ms":0,"max_gap_ms":0,"refractory_ms":0},
            "weights":{"file":"model.safetensors","bytes":0,"sha256":"\(String(repeating: "0", count: 64))"},
            "golden":{"tolerance":0.0001},"card":{}}
            """
        do {
            return try JSONDecoder().decode(ModelConfiguration.self, from: Data(json.utf8))
        } catch let error as DecodingError {
            throw ClassifierError(.usage, code: errorCode, "\(system.name), n = \(window): \(error.explanation())")
        }
    }

    /// Makes a model of the benchmark's shape, or of the shape of another encoder.
    public static func make(
        _ system: AttentionSystem, window: Int, like shape: EncoderConfiguration? = nil,
        precision: WeightPrecision = .float32
    ) throws -> Model {
        let configuration = try configuration(system, window: window, like: shape)
        let encoder = configuration.encoder
        let (width, feedForward) = (encoder.width, encoder.feedForward)
        var generator = SystemRandomNumberGenerator()
        var tensors: [String: Safetensors.Tensor] = [:]
        func add(_ name: String, _ shape: Int...) {
            let scale = Float(1 / Double(shape.last ?? 1).squareRoot())
            let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -scale...scale, using: &generator) }
            tensors[name] = .init(shape: shape, values: values)
        }
        func affine(_ name: String, _ outputs: Int, _ inputs: Int) {
            add("\(name).weight", outputs, inputs)
            add("\(name).bias", outputs)
        }
        add("input.mean", 1)
        add("input.scale", 1)
        affine("stem.projection", width, 1)
        for index in 0..<encoder.layers {
            let layer = "encoder.layers.\(index)"
            for part in ["query", "key", "value", "output"] { affine("\(layer).attention.\(part)", width, width) }
            affine("\(layer).feed_forward.in", feedForward, width)
            affine("\(layer).feed_forward.out", width, feedForward)
            for norm in ["norm_attention", "norm_feed_forward"] {
                add("\(layer).\(norm).weight", width)
                add("\(layer).\(norm).bias", width)
            }
            if system.landmarks == .fixed, let landmarks = encoder.attention.landmarks {
                for part in ["query", "key"] {
                    add("\(layer).attention.landmarks.\(part)", encoder.heads, landmarks, encoder.headWidth)
                }
            }
        }
        affine("head", 1, width)
        add("golden.features", 1, 1)
        add("golden.logits", 1, 1)
        return try Model(configuration, Safetensors(tensors: tensors), directory: "benchmark", precision: precision)
    }
}
