internal import FoundationEssentials
internal import StrictCoding

/// Several values in one text, as an environment variable has them: with commas between, or as JSON where a value has a
/// comma.
package enum SettingList {
    /// - Returns: nil for JSON that is no array of texts.
    package static func elements(_ text: String) -> [String]? {
        if text.hasPrefix("[") { return try? JSONDecoder().decode([String].self, from: Data(text.utf8)) }
        return text.split(separator: ",").map(String.init)
    }
}

/// A label with a threshold of its own: `LABEL=P`.
package struct ClassThreshold: Sendable, Equatable {
    package let label: String
    package let threshold: Double

    package init?(_ text: String) {
        guard let equals = text.lastIndex(of: "="),
            let threshold = ValueKind.probability.parse(String(text[text.index(after: equals)...]))
        else { return nil }
        label = String(text[..<equals])
        self.threshold = threshold
    }

    package init(label: String, threshold: Double) {
        self.label = label
        self.threshold = threshold
    }
}

extension ValueKind<ClassThreshold> {
    package static let classThreshold = ValueKind(
        placeholder: "label=p", expected: "LABEL=P with P above 0 and at most 1",
        show: { "\(JSONWriter.quoted($0.label)): \($0.threshold)" }, parse: { ClassThreshold($0) })
}
