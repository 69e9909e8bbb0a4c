package import AudioClassifier
package import AudioFrontend

/// The label track of Audacity as text: beginning, end and label, with tabs between, a line each.
package enum AudacityLabels {
    /// - Throws: ``ClassifierError`` `data` with the line.
    package static func read(
        _ text: String, _ name: FileName, separator: String? = nil
    ) throws(ClassifierError) -> [GivenLabel] {
        var labels: [GivenLabel] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            // A line with a backslash holds the frequencies of the line before.
            guard line.contains(where: { !$0.isWhitespace }), line.first != "\\" else { continue }
            let fields = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 2 else {
                throw LabelTable.error(name, index + 1, "expected beginning, end and label, with tabs between")
            }
            let range = try LabelTable.range(fields[0], fields[1], name, index + 1)
            let text = fields.count > 2 ? fields[2] : ""
            guard range.lowerBound < range.upperBound || !isFailure(text) else { continue }
            let texts = separator.map { text.split(separator: $0).map(String.init) } ?? [text]
            labels += texts.map { $0.trimmed }.filter { !$0.isEmpty }.map { GivenLabel(text: $0, range: range) }
        }
        return labels
    }

    /// Whether a label without duration is what `classify` writes of a file that failed, was skipped or is cut.
    private static func isFailure(_ text: String) -> Bool { text.hasPrefix("error: ") || text.hasPrefix("skipped: ") }
}
