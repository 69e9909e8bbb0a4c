/// The names of the coloured curves in rows of a width.
struct PictureLegend {
    struct Entry {
        /// A class; nil where the text says how many more there are.
        let label: String?
        let text: String
        /// Place from the left edge, and the row.
        let x: Double
        let row: Int
    }

    /// The space of an entry's line, with the space behind it, and the space behind an entry.
    static let lineWidth = 26.0
    private static let gap = 22.0

    let entries: [Entry]
    var rowCount: Int { (entries.last?.row ?? -1) + 1 }

    /// Arranges the entries. Where the rows do not hold all, the last entry is the number of the others.
    /// - Parameter fit: returns a text as it fits into a width, and its own width.
    init(
        _ labels: [String], width: Double, mostRows: Int,
        fit: (_ text: String, _ width: Double) -> (text: String, width: Double)
    ) {
        var shown = labels.count
        var entries = Self.entries(labels, shown: shown, width: width, fit: fit)
        while shown > 0, (entries.last?.row ?? 0) >= mostRows {
            shown -= 1
            entries = Self.entries(labels, shown: shown, width: width, fit: fit)
        }
        self.entries = entries
    }

    private static func entries(
        _ labels: [String], shown: Int, width: Double, fit: (String, Double) -> (text: String, width: Double)
    ) -> [Entry] {
        let more = shown < labels.count ? ["+\(labels.count - shown) more"] : []
        var (x, row) = (0.0, 0)
        return (labels.prefix(shown) + more).enumerated().map { index, name in
            let line = index < shown ? lineWidth : 0
            let words = fit(name, width - line)
            if x > 0, x + line + words.width > width { (x, row) = (0, row + 1) }
            defer { x += line + words.width + gap }
            return Entry(label: index < shown ? name : nil, text: words.text, x: x, row: row)
        }
    }
}
