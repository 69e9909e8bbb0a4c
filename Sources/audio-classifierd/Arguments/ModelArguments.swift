import ArgumentParser
import AudioClassifier
import StreamTransformer

/// The options that choose a model for audio.
struct ModelArguments: ParsableArguments {
    @Option(ModelSettings.model, completion: Completions.models) var model: String
    @Option(ModelSettings.weights) var weights: WeightPrecision

    func load() throws -> AudioModel {
        try AudioModel(named: model, precision: weights)
    }

    static let settings: [any SettingDescription] = [ModelSettings.model, ModelSettings.weights]
}
