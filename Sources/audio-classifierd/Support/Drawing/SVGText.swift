internal import StrictCoding

/// Numbers and texts as they stand in an SVG file.
enum SVGText {
    /// Returns a number with two decimals at most.
    static func number(_ value: Double) -> String { Decimal.text(value, 2) }

    /// Returns a text for XML, which allows most control characters in no form.
    static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            case _ where scalar.value < 0x20 || [0x7F, 0xFFFE, 0xFFFF].contains(scalar.value): "\u{FFFD}"
            default: String(scalar)
            }
        }.joined()
    }
}
