internal import StrictCoding

/// The sentences that say how to read the picture of a recording, in lines of a width.
struct PictureNotes {
    private static let mostGreyNames = 10

    let lines: [String]

    /// - Parameters:
    ///   - curves: the classes with curves.
    ///   - coloured: the classes whose curves have colours; from `firstDashed` on their lines are broken.
    ///   - leftOut: number of further classes that were likely, or have events.
    ///   - isFit: returns whether a text is no wider than a line.
    init(
        _ recording: RecordingReport, lanes: EventLanes, curves: [String], coloured: [String], firstDashed: Int,
        leftOut: Int, mostLines: Int, isFit: (String) -> Bool
    ) {
        var sentences: [String] = []
        if !recording.bars.isEmpty, recording.onsetDelay > 0 {
            sentences.append(
                "Bars begin \(Decimal.text(recording.onsetDelay, 2)) s before the model notices a sound, "
                    + "its usual delay.")
        }
        if lanes.hiddenCount > 0 { sentences.append("+\(lanes.hiddenCount) more: bars without room.") }
        if lanes.hasBareBars { sentences.append("Short bars have no words where there is no room.") }
        if coloured.count > firstDashed { sentences.append("Broken lines are the colours of further classes.") }
        if leftOut > 0 {
            let classes = Quantity.text(leftOut, "less likely class has", "less likely classes have")
            sentences.append("\(classes) no curve.")
        }
        let grey = curves.filter { !coloured.contains($0) }
        // Fewer names are given where their lines would leave the picture.
        var lines: [String] = []
        for names in (0...min(grey.count, Self.mostGreyNames)).reversed() {
            lines = Self.lines(sentences + Self.greyCurves(grey, names: names), isFit)
            if lines.count <= mostLines { break }
        }
        self.lines = Array(lines.prefix(mostLines))
    }

    private static func greyCurves(_ labels: [String], names: Int) -> [String] {
        guard !labels.isEmpty else { return [] }
        guard names > 0 else { return ["Grey curves: \(labels.count) further classes."] }
        let more = labels.count > names ? " and \(labels.count - names) more" : ""
        return ["Grey curves: \(labels.prefix(names).joined(separator: "; "))\(more)."]
    }

    /// Returns sentences as lines.
    private static func lines(_ sentences: [String], _ isFit: (String) -> Bool) -> [String] {
        sentences.flatMap { $0.split(separator: " ") }.reduce(into: []) { lines, word in
            let joined = lines.last.map { "\($0) \(word)" } ?? String(word)
            if isFit(joined) { lines = lines.dropLast() + [joined] } else { lines.append(String(word)) }
        }
    }
}
