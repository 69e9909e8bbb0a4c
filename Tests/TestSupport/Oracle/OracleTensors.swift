internal import StreamTransformer

/// A model's tensors in float64, by name.
struct OracleTensors: Sendable {
    private let tensors: [String: Safetensors.Tensor]

    struct Missing: Error, CustomStringConvertible {
        let name: String
        var description: String { "the oracle asks for tensor \(name), which the file does not hold" }
    }

    init(_ tensors: [String: Safetensors.Tensor]) { self.tensors = tensors }

    func vector(_ name: String) throws -> [Double] {
        guard let tensor = tensors[name] else { throw Missing(name: name) }
        return tensor.values.map(Double.init)
    }

    func matrix(_ name: String) throws -> [[Double]] {
        guard let tensor = tensors[name], tensor.shape.count == 2 else { throw Missing(name: name) }
        return try vector(name).split(into: tensor.shape[0])
    }

    /// A tensor of three dimensions, as matrices.
    func matrices(_ name: String) throws -> [[[Double]]] {
        guard let tensor = tensors[name], tensor.shape.count == 3 else { throw Missing(name: name) }
        return try vector(name).split(into: tensor.shape[0]).map { $0.split(into: tensor.shape[1]) }
    }
}

extension [Double] {
    /// Parts of equal length.
    func split(into parts: Int) -> [[Double]] {
        let length = parts == 0 ? 0 : count / parts
        return (0..<parts).map { Array(self[$0 * length..<($0 + 1) * length]) }
    }
}
