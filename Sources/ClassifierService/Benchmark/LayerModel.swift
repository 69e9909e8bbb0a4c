internal import FoundationEssentials
internal import Glibc
internal import StreamTransformer

/// One encoder layer with random weights, and next to nothing around it: what a benchmark of attention measures.
enum LayerModel {
    /// - Parameter attention: the `attention` object of a configuration, as JSON.
    static func make(width: Int, heads: Int, feedForward: Int, window: Int, landmarks: Int?) throws -> Model {
        let attention =
            landmarks.map {
                #"{"kind":"continual-nystrom","landmarks":"fixed","count":\#($0),"inverse":{"kind":"ridge","lambda":0.01}}"#
            } ?? #"{"kind":"continual"}"#
        let json = """
            {"format_version":1,"name":"layer","description":"one layer","licence":"CC0-1.0","labels":["a"],"frontend":null,
            "input_width":1,"stem":{"kind":"linear","frames":1},"encoder":{"width":\(width),"layers":1,"heads":\(heads),
            "feed_forward":\(feedForward),"window":\(window),"attention":\(attention),"depth":"stream","norm":"post",
            "activation":"relu","position":{"kind":"none"}},"activation":"softmax","background":[],
            "decision":{"threshold":0.5,"threshold_off":0.5,"min_duration_ms":0,"max_gap_ms":0,"refractory_ms":0},
            "weights":{"file":"model.safetensors","bytes":0,"sha256":"\(String(repeating: "0", count: 64))"},
            "golden":{"tolerance":0.0001},"card":{}}
            """
        let configuration = try JSONDecoder().decode(ModelConfiguration.self, from: Data(json.utf8))
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
        let layer = "encoder.layers.0"
        add("input.mean", 1)
        add("input.scale", 1)
        affine("stem.projection", width, 1)
        for part in ["query", "key", "value", "output"] { affine("\(layer).attention.\(part)", width, width) }
        affine("\(layer).feed_forward.in", feedForward, width)
        affine("\(layer).feed_forward.out", width, feedForward)
        for norm in ["norm_attention", "norm_feed_forward"] {
            add("\(layer).\(norm).weight", width)
            add("\(layer).\(norm).bias", width)
        }
        if let landmarks {
            for part in ["query", "key"] {
                add("\(layer).attention.landmarks.\(part)", heads, landmarks, width / heads)
            }
        }
        affine("head", 1, width)
        add("golden.features", 1, 1)
        add("golden.logits", 1, 1)
        return try Model(configuration, Safetensors(tensors: tensors), directory: "benchmark")
    }
}
