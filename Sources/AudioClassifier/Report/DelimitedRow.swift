/// Rows of tables as text.
package enum DelimitedRow {
    /// Returns a row by RFC 4180.
    package static func csv(_ fields: [String]) -> String {
        fields.map { field in
            field.unicodeScalars.contains { ",\"\n\r".unicodeScalars.contains($0) }
                ? "\"" + replacing("\"", in: field) { "\($0)\($0)" } + "\"" : field
        }.joined(separator: ",")
    }

    /// Returns a row whose fields are separated by tabs. Fields cannot hold tabs or line ends, which become spaces.
    package static func tsv(_ fields: [String]) -> String {
        fields.map { replacing("\t\n\r", in: $0) { _ in " " } }.joined(separator: "\t")
    }

    /// Replaces scalar by scalar, because a quote with an accent, and CR with LF, are single characters.
    static func replacing(_ scalars: String, in text: String, _ replacement: (Unicode.Scalar) -> String) -> String {
        text.unicodeScalars.map { scalars.unicodeScalars.contains($0) ? replacement($0) : String($0) }.joined()
    }
}
