package import AudioClassifier
internal import StreamTransformer
internal import StrictCoding

/// The labels of a model by the names that data gives them.
package struct LabelNames: Sendable {
    private let index: [String: Int]
    /// Labels by their names without case, spaces and punctuation, where those are of one label.
    private let loose: [String: Int]
    private let model: String
    private let labels: [String]
    private let parents: [String: [String]]
    /// Other names: those of the data, and the model's labels, or nothing for a sound that the model does not know.
    private let renamed: [String: String]

    /// - Throws: ``ClassifierError`` `usage` for a new name that is no label.
    package init(_ model: AudioModel, renamed: [String: String] = [:]) throws(ClassifierError) {
        self.model = model.name
        self.renamed = renamed
        labels = model.labels
        parents = model.network.configuration.parents
        index = Dictionary(labels.enumerated().map { ($1, $0) }) { first, _ in first }
        loose = Dictionary(grouping: labels.indices) { [labels] in Self.key(labels[$0]) }
            .compactMapValues { $0.count == 1 ? $0.first : nil }
        for (name, label) in renamed.sorted(by: { $0.key < $1.key }) where !label.isEmpty && index[label] == nil {
            throw ClassifierError(
                .usage, code: "usage",
                "--rename \(name)=\(label): \(model.name) has no label \"\(label)\""
                    + Spelling.question(label, in: labels))
        }
    }

    /// The indices of the labels that names stand for; a name that means nothing to the model is left out.
    package struct Resolved: Sendable {
        package fileprivate(set) var indices: [String: Int] = [:]
        /// Names that are written in another way than the model's labels.
        package fileprivate(set) var notes: [String] = []
    }

    /// Finds the labels of all names.
    /// - Throws: ``ClassifierError`` `data` that names the unknown ones, with near labels.
    package func resolve(_ names: Set<String>) throws(ClassifierError) -> Resolved {
        var resolved = Resolved()
        var unknown: [String] = []
        for name in names.sorted() {
            if let label = renamed[name] {
                resolved.indices[name] = index[label]
            } else if let label = index[name] {
                resolved.indices[name] = label
            } else if let label = loose[Self.key(name)] {
                resolved.indices[name] = label
                resolved.notes.append("the label \"\(name)\" is taken for \"\(labels[label])\"")
            } else {
                let near = Spelling.nearest(to: name.replacing("_", with: " "), in: labels).map { "\"\($0)\"" }
                unknown.append("\"\(name)\"" + (near.isEmpty ? "" : " (\(near.joined(separator: " or "))?)"))
            }
        }
        guard unknown.isEmpty else {
            let shown = unknown.prefix(20).joined(separator: ", ")
            let more = unknown.count > 20 ? " and \(unknown.count - 20) more" : ""
            let labels = Quantity.text(unknown.count, "label")
            throw ClassifierError(
                .data, code: "unknown_label",
                "\(model) does not have \(labels) of the data: \(shown)\(more); --rename NAME=LABEL "
                    + "gives a name the model's label, --rename NAME= none; all labels: audio-classifierd models "
                    + "labels \(model)")
        }
        return resolved
    }

    /// For each label of the model, the label of the data for which it counts: itself, or the nearest above it that the
    /// data has, as "Dog" for "Bark"; itself if the data has none of them.
    package func counted(_ given: Set<Int>) -> [Int] {
        labels.indices.map { label in
            var level = [label]
            var seen: Set<Int> = []
            while !level.isEmpty {
                if let found = level.first(where: given.contains) { return found }
                seen.formUnion(level)
                level = level.flatMap { parents[labels[$0]] ?? [] }.compactMap { index[$0] }
                    .filter { !seen.contains($0) }
            }
            return label
        }
    }

    private static func key(_ name: String) -> String {
        String(
            String.UnicodeScalarView(
                name.lowercased().unicodeScalars.filter {
                    $0.properties.isAlphabetic
                        || $0.properties.numericType != nil
                }))
    }
}
