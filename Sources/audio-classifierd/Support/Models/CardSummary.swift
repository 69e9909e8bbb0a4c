internal import StreamTransformer
internal import StrictCoding

/// The main parts of a model's card, in a few lines.
struct CardSummary: Sendable {
    /// Texts of a card that are shown, in this order.
    private static let texts = ["intended_use", "limits", "data", "data_licence", "date"]
    /// Objects with settings and not figures.
    private static let settings: Set<String> = ["recipe"]
    private static let indent = 13
    private static let width = 100
    /// The most lines of a text.
    private static let mostLines = 3
    /// The most characters of a list of labels.
    private static let longestLabels = 400

    let lines: [String]

    init(_ card: JSONValue) {
        guard case .object(let members) = card else {
            lines = []
            return
        }
        let texts = Self.texts.flatMap { key in
            members[key]?.string.map { Self.wrapped($0, key) } ?? []
        }
        let figures = members.sorted { $0.key < $1.key }.filter { !Self.settings.contains($0.key) }.flatMap {
            Self.wrapped(Self.numbers($1), $0)
        }
        lines = texts + figures
    }

    /// Returns the numbers in an object, as words; empty for another value.
    private static func numbers(_ value: JSONValue) -> String {
        guard case .object(let members) = value else { return "" }
        return members.sorted { $0.key < $1.key }.compactMap { key, value in
            value.number.map { "\(key) \(Decimal.text($0, 4))" }
        }.joined(separator: ", ")
    }

    /// Returns the labels of a model with their number; those that come first where they are many.
    /// - Parameter name: the name or the folder of the model.
    static func labels(_ configuration: ModelConfiguration, of name: String) -> String {
        let labels = configuration.labels
        let all = labels.joined(separator: ", ")
        guard all.count > longestLabels else { return "\(all) (\(labels.count))" }
        var shown = labels.count
        var length = all.count
        while shown > 1, length > longestLabels {
            shown -= 1
            length -= labels[shown].count + 2
        }
        return labels[..<shown].joined(separator: ", ")
            + " and \(labels.count - shown) more of \(labels.count); all: models labels \(name)"
    }

    /// Returns a text in lines behind its key.
    private static func wrapped(_ text: String, _ key: String) -> [String] {
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, indent + last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        if lines.count > mostLines { lines = lines.prefix(mostLines - 1) + [lines[mostLines - 1] + " ..."] }
        return lines.enumerated().map { index, line in
            let start = index == 0 ? key : ""
            return start + String(repeating: " ", count: max(1, indent - start.count)) + line
        }
    }
}
