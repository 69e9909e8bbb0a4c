package import AudioClassifier
package import AudioFrontend
internal import Glibc

/// Reads an archive's results, and writes its page.
package struct ArchiveReport {
    private let sources: [FileName]
    private let page: FileName
    package private(set) var totals: ArchiveTotals
    /// Place and number of the first damaged line.
    private var firstDamage: String?

    /// - Parameter threshold: labels that are less sure do not count.
    package init(_ sources: [FileName], page: FileName, threshold: Double) {
        self.sources = sources
        self.page = page
        totals = ArchiveTotals(threshold: threshold)
    }

    /// Reads all results.
    /// - Throws: ``ClassifierError`` if a file cannot be read, or has no result of a recording.
    package mutating func read(progress: (Double, String) -> Void) throws(ClassifierError) {
        for (index, source) in sources.enumerated() {
            var number = 0
            var found = totals
            var damage: String?
            let name = source.description
            let count = Double(sources.count)
            try ResultLines.read(source) {
                progress((Double(index) + $0) / count, name)
            } line: { bytes throws(ClassifierError) in
                number += 1
                guard let row = bytes.flatMap(ArchiveRow.init) else {
                    damage = damage ?? "\(source):\(number)"
                    found.addDamaged()
                    return
                }
                do throws(ClassifierError) { try found.add(row) } catch {
                    throw ClassifierError(error.kind, code: error.code, "\(source):\(number): \(error.message)")
                }
            }
            totals = found
            firstDamage = firstDamage ?? damage
        }
        guard totals.kind == nil, totals.reasons.isEmpty else { return }
        let reason =
            totals.otherLines > 0
            ? "has frames only; classify with --emit summary, --emit events or --window"
            : "has no results of classify in JSON lines"
        let names = sources.map(\.description).joined(separator: ", ")
        throw ClassifierError(.data, code: "results", "\(names): \(reason)")
    }

    /// A sentence on lines that could not be read; nil if there are none.
    package var warning: String? {
        firstDamage.map {
            "damaged lines were left out: \(totals.damagedLines), the first is \($0); a line that a kill has cut is one"
        }
    }

    /// The files of the examples' recordings, each once: those of the labels with the most hours first.
    package var examples: [(name: String, file: FileName)] {
        let finder = RecordingFinder(sources)
        return exampleNames.compactMap { name in finder.file(name).map { (name, $0) } }
    }

    /// A sentence on recordings that are not found, and have no player; nil if all are.
    package var missing: String? {
        let names = exampleNames
        let finder = RecordingFinder(sources)
        let lost = names.filter { finder.file($0) == nil }
        return lost.first.map { first in
            "recordings of examples that are not found have no player: \(lost.count) of \(names.count), the first is "
                + "\(first); run report in the folder in which classify ran"
        }
    }

    private var exampleNames: [String] {
        var seen: Set<String> = []
        return ArchivePage.ranking(totals).prefix(ArchivePage.exampleLabelLimit)
            .flatMap { totals.labels[$0].examples.map(\.file) }.filter { seen.insert($0).inserted }
    }

    /// Writes the page.
    /// - Parameter reports: reports of examples, by the recording's name in the results.
    package func write(reports: [String: FileName]) throws(ClassifierError) {
        let page = ArchivePage(
            totals, sources: sources, firstDamage: firstDamage, folder: self.page.folder,
            reports: reports)
        try page.page.write(self.page)
    }
}
