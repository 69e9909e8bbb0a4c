package import AudioClassifier
internal import AudioFrontend
internal import StrictCoding

/// Thresholds of a model's labels for a rate of false events.
package struct ThresholdChoices: Sendable {
    package struct Label: Sendable {
        package let label: String
        /// Whether the data has the label.
        package let isGiven: Bool
        package let value: ThresholdSweep.Choice
        /// The present threshold.
        package let own: Double

        /// Whether the threshold changes, so that a configuration has it.
        package var isChanged: Bool { value.threshold != own }
    }

    /// The largest number of false events an hour, of each label.
    package let limit: Double
    /// The labels that are events, in the model's order.
    package let labels: [Label]

    package init(_ evaluation: Evaluation, falseEventsPerHour limit: Double) {
        self.limit = limit
        let indices = evaluation.labels.indices.filter { evaluation.isEvent[$0] }
        // Single precision holds 0.7 as a little less.
        let own = indices.map { (Double(evaluation.thresholds[$0]) * 1e6).rounded() / 1e6 }
        labels = zip(indices, own).map { label, own in
            Label(
                label: evaluation.labels[label], isGiven: evaluation.sweep.given[label] > 0,
                value: evaluation.sweep.choice(
                    label, falseEventsPerHour: limit, own: own), own: own)
        }
    }

    /// A configuration of `serve` with the thresholds.
    /// - Parameters:
    ///   - arguments: the words of the command line after the program's name.
    ///   - hours: audio in which the false events were counted.
    ///   - settings: other settings of decisions, as YAML by key.
    ///   - given: labels whose present thresholds are not the model's: they are in the configuration in any case.
    package func yaml(
        model: String, arguments: [String], hours: Double, settings: [(key: String, value: String)],
        given: Set<String> = []
    ) -> [String] {
        let written = labels.filter { $0.isChanged || given.contains($0.label) }
        var lines = [
            "# Thresholds of \(model) for at most \(Decimal.text(limit, 3)) false events of a label an hour, measured "
                + "in \(Decimal.text(hours, 3)) h by:",
            "# audio-classifierd \(arguments.map(Self.word).joined(separator: " "))",
            "model: \(JSONWriter.quoted(model))", "streams:", "  decision:",
        ]
        lines += settings.map { "    \($0.key): \($0.value)" }
        if written.isEmpty {
            lines.append("    class_thresholds: {}")
        } else {
            lines.append("    class_thresholds:")
            lines += written.map { "      \(JSONWriter.quoted($0.label)): \(Decimal.text($0.value.threshold, 6))" }
        }
        return lines
    }

    /// Returns an argument as a shell reads it; DATA for one that would end the comment.
    private static func word(_ argument: String) -> String {
        let endings: Set<Unicode.GeneralCategory> = [.control, .lineSeparator, .paragraphSeparator]
        let word = ProgramArguments.file(argument).shellWord
        return word.unicodeScalars.contains { endings.contains($0.properties.generalCategory) } ? "DATA" : word
    }

    /// Labels that report more false events even at the highest threshold.
    package var unreached: [String] { labels.filter { !$0.value.isReached }.map(\.label) }
}
