internal import StrictCoding

/// Estimates of the computation that a configuration asks for, before a model is built. Model files are untrusted
/// input: a folder of a few kilobytes can ask for hours.
struct ModelCost {
    /// Multiply-adds of the costliest step.
    let step: Double
    /// Multiply-adds of building the model: the landmarks' inverses, and the matrices that include the landmarks.
    let building: Double

    /// Largest permitted number of multiply-adds of a step, about a second of a processor.
    static let largestStep = 1e10
    /// Largest permitted number of multiply-adds of building a model.
    static let largestBuilding = 4e9
    /// Largest permitted number of multiply-adds of a model's golden frames.
    static let largestGolden = 1e11

    init(_ configuration: ModelConfiguration) {
        let encoder = configuration.encoder
        let (layers, inverse) = (Double(encoder.layers), Self.inverse(encoder))
        let isFixed = encoder.attention.hasFixedLandmarks
        step = OperationCount(configuration).total + (isFixed ? 0 : layers * inverse)
        let width = Double(encoder.width)
        let folding = 2 * width * width * Double(encoder.attention.landmarks ?? 0)
        building = isFixed ? layers * (inverse + folding) : 0
    }

    /// Multiply-adds of the inverses of a layer's landmarks.
    private static func inverse(_ encoder: EncoderConfiguration) -> Double {
        let landmarks = Double(encoder.attention.landmarks ?? 0)
        let product = Double(encoder.heads) * landmarks * landmarks * landmarks
        switch encoder.attention.inverse {
        case .ridge: return 3 * product
        case .newtonSchulz(let iterations): return 4 * Double(iterations) * product
        case nil: return 0
        }
    }

    /// A number of multiply-adds in billions, in words.
    static func text(_ operations: Double) -> String { "\(Decimal.text(operations / 1e9, 1)) billion" }
}
