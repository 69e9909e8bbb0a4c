package import AudioClassifier
package import StreamTransformer
internal import Synchronization

/// Models that are loaded once for all requests.
package final class ModelCache: Sendable {
    private struct Key: Hashable {
        let name: String
        let precision: WeightPrecision
    }

    /// Most models in memory.
    private static let limit = 16

    private let models = Mutex<[Key: AudioModel]>([:])

    package init() {}

    /// Returns a model, which is loaded at its first use. Beyond the limit it takes the place of another one.
    package func model(_ name: String, _ precision: WeightPrecision) throws(ClassifierError) -> AudioModel {
        let key = Key(name: name, precision: precision)
        return try models.withLock { models throws(ClassifierError) in
            if let model = models[key] { return model }
            let model = try AudioModel(named: name, precision: precision)
            if models.count == Self.limit, let other = models.keys.first { models[other] = nil }
            models[key] = model
            return model
        }
    }
}
