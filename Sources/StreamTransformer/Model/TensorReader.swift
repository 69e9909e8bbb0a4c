/// Takes tensors out of a file by name and shape, and finds at the end those that are left.
struct TensorReader {
    /// The precision of the packed matrices.
    let precision: WeightPrecision
    private var tensors: [String: Safetensors.Tensor]
    private let name: String

    init(_ file: Safetensors, name: String, precision: WeightPrecision) {
        self.precision = precision
        tensors = file.tensors
        self.name = name
    }

    /// Takes the values of a tensor, row-major.
    mutating func take(_ key: String, _ shape: Int...) throws(ModelError) -> [Float] {
        guard let tensor = tensors.removeValue(forKey: key) else {
            throw ModelError(.tensors, "\(name): tensor \(key) is missing; config.json asks for it")
        }
        guard tensor.shape == shape else {
            throw ModelError(
                .tensors, "\(name): tensor \(key) has the shape \(tensor.shape), config.json asks for \(shape)")
        }
        return tensor.values
    }

    /// Takes a tensor with any number of rows.
    mutating func takeRows(_ key: String, columns: Int) throws(ModelError) -> [Float] {
        guard let shape = tensors[key]?.shape, shape.count == 2 else { return try take(key, -1, columns) }
        return try take(key, shape[0], columns)
    }

    /// Throws an error if a tensor is left.
    func finish() throws(ModelError) {
        if let extra = tensors.keys.min() {
            throw ModelError(.tensors, "\(name): tensor \(extra) is not part of the model that config.json describes")
        }
    }
}
