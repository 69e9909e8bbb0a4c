package import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import Kernels
package import StreamTransformer
internal import StrictCoding

/// The output of `models`.
package enum ModelReport {
    /// A line a model: name, labels, licence, accuracy, description. An unreadable model has the reason instead.
    package static func list(_ catalog: ModelCatalog) -> [String] {
        let rows = catalog.installed.map { directory -> [String] in
            do {
                let configuration = try Model(directory: directory).configuration
                return [
                    configuration.name, Quantity.text(configuration.labels.count, "label"), configuration.licence,
                    accuracy(configuration), configuration.description,
                ]
            } catch {
                return [directory, "-", "-", "-", "cannot be used: \(error)"]
            }
        }
        let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let padded = zip(row, widths).map { (text: String, width: Int) -> String in
                text + String(repeating: " ", count: width - text.count)
            }
            return padded.joined(separator: "  ") + "  " + row[4]
        }
    }

    /// The names of the installed models whose cards have something to draw.
    package static func drawable(_ catalog: ModelCatalog) -> [String] {
        catalog.installed.compactMap { directory in
            guard let configuration = try? Model(directory: directory).configuration,
                !PlotData(configuration).isEmpty
            else { return nil }
            return configuration.name
        }
    }

    /// The labels of a model, read from its configuration alone.
    package static func labels(_ name: String) throws(ClassifierError) -> [String] {
        let path = try ModelCatalog().directory(of: name) + "/config.json"
        let configuration = FileName(path).contents.flatMap {
            try? JSONDecoder().decode(JSONValue.self, from: Data($0))
        }
        guard case .array(let labels) = configuration?["labels"] else {
            throw ClassifierError(.configuration, code: "model_not_found", "\(path): there is no list of labels")
        }
        return labels.compactMap(\.string)
    }

    /// A screen about a model: architecture, memory, front-end, thresholds, the main parts of its card.
    /// - Parameter name: the name or the folder by which the command line names it.
    package static func show(_ model: Model, named name: String) throws -> [String] {
        let configuration = model.configuration
        let card = CardSummary(configuration.card)
        let labels = CardSummary.labels(configuration, of: name)
        let place = FileName(model.directory).appending("README.md")
        return try facts(model, labels: labels) + card.lines
            + ["card         models show \(name) --card\(place.exists ? "; in words: \(place)" : "")"]
    }

    /// Everything about a model, with all labels and the whole card.
    package static func whole(_ model: Model) throws -> [String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let card = try encoder.encode(model.configuration.card)
        return try facts(model, labels: model.configuration.labels.joined(separator: ", ")) + ["card"]
            + String(decoding: card, as: UTF8.self).split(separator: "\n").map { "  \($0)" }
    }

    private static func facts(_ model: Model, labels: String) throws -> [String] {
        let configuration = model.configuration
        let encoder = configuration.encoder
        let attention = describe(encoder.attention) + (encoder.depth == .window ? ", the window alone" : "")
        let stream = model.makeStream()
        let thresholds = configuration.decision.classThresholds.values
        let own = thresholds.min().flatMap { least in
            thresholds.max().map { "; \(thresholds.count) labels have one of their own, \(least) to \($0)" }
        }
        let decision = configuration.decision
        let least = Decimal.text(decision.minimumRise, 3)
        let rise =
            decision.minimumRise > 0 ? "; \(decision.steadyThreshold) where the level has not risen by \(least) dB" : ""
        var lines = [
            "name         \(configuration.name)",
            "description  \(configuration.description)",
            "licence      \(configuration.licence)",
            "folder       \(model.directory)",
            "weights      \(configuration.weightsFile.bytes) bytes, SHA-256 \(configuration.weightsFile.sha256)",
            "accuracy     \(accuracy(configuration))",
            "labels       \(labels)",
            "encoder      \(encoder.layers) layers, width \(encoder.width), \(encoder.heads) heads, "
                + "feed-forward \(encoder.feedForward), window \(encoder.window) tokens",
            "attention    \(attention)",
            "memory       \(stream.bytes) bytes a stream",
            "threshold    \(decision.threshold) on, \(decision.thresholdOff) off\(own ?? "")\(rise)",
        ]
        if configuration.frontend != nil {
            let audio = try AudioModel(model)
            lines.append(
                "front-end    \(audio.recipe.sampleRate) Hz, \(audio.recipe.bands) mel bands every "
                    + "\(audio.recipe.hop) samples; a prediction every \(audio.predictionPeriod) samples"
            )
        }
        return lines
    }

    private static func describe(_ attention: EncoderConfiguration.Attention) -> String {
        switch attention {
        case .full: "full (softmax, the window computed anew for every token)"
        case .nystromformer(let landmarks, let inverse):
            "nystromformer, \(landmarks) segments, the window computed anew for every token, \(inverse)"
        case .continual: "continual (softmax over a ring)"
        case .continualNystrom(let landmarks, let update, let inverse):
            "continual-nystrom, \(landmarks) \(update.rawValue) landmarks, \(inverse)"
        }
    }

    /// Loads a model with every instruction set and reports the error of its golden logits.
    package static func verify(_ directory: String) throws -> [String] {
        try Kernels.available.map { kernels in
            let model = try Model(directory: directory, kernels: kernels)
            let frames = model.configuration.frontend == nil ? nil : try FrontendCheck.run(AudioModel(model))
            let error = try model.goldenError()
            return
                "\(model.configuration.name)  \(kernels.name)  ok  golden logits within \(error) (allowed "
                + "\(model.configuration.goldenTolerance))" + (frames.map { ", \($0) frames of test signals" } ?? "")
        }
    }

    private static func accuracy(_ configuration: ModelConfiguration) -> String {
        if let precision = configuration.card["agreement"]?["mean_average_precision"]?.number {
            return "\(Decimal.text(precision, 2)) mAP to its teacher"
        }
        guard let accuracy = configuration.card["accuracy"] else { return "-" }
        let parts = ["cold", "mid_stream"].compactMap { key in
            accuracy[key]?["accuracy"]?.number.map {
                "\(Decimal.text($0 * 100, 1)) % \(key == "cold" ? "cold" : "mid-stream")"
            }
        }
        return parts.isEmpty ? "-" : parts.joined(separator: ", ")
    }
}

extension ModelCatalog {
    /// Returns the folders of the installed models.
    /// - Throws: ``ClassifierError`` `configuration` if there is none.
    package func requireInstalled() throws(ClassifierError) -> [String] {
        let installed = installed
        guard !installed.isEmpty else {
            throw ClassifierError(
                .configuration, code: "model_not_found", "no model is installed in \(folders.joined(separator: ", "))")
        }
        return installed
    }

    /// The names of the installed models.
    package var names: [String] { installed.map { $0.split(separator: "/").last.map(String.init) ?? $0 } }
}
