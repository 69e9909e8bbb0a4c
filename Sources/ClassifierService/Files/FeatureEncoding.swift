public import StreamTransformer

/// Arrays of features to arrays of logits.
public enum FeatureEncoding {
    /// - Throws: ``ModelError`` `nonFinite` at the frame that is refused; the output is then not written.
    public static func run(_ model: Model, features path: String, out: String) throws {
        let features = try NumpyArray(path: path)
        let width = model.configuration.inputWidth
        guard features.columns == width else {
            throw ServiceError(
                .data, code: "features",
                "\(path): has \(features.columns) features a frame, \(model.configuration.name) takes \(width)")
        }
        let writer = try NumpyWriter(path: out, columns: model.configuration.labels.count)
        var stream = model.makeStream()
        let values = features.values
        for frame in 0..<features.rows {
            let row = values.span.extracting(frame * width..<(frame + 1) * width)
            if try model.step(row, &stream) { try writer.append(stream.newestLogits) }
        }
        try writer.close()
    }
}
