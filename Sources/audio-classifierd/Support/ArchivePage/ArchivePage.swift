internal import AudioClassifier
package import AudioFrontend
internal import StrictCoding

/// The page of a whole archive: hours by label, a map of times, the surest examples, failures.
package struct ArchivePage: Sendable {
    /// Labels in the table, those with a map of their own, and those with examples.
    private static let labelLimit = 200
    private static let mapLimit = 30
    package static let exampleLabelLimit = 50

    private let totals: ArchiveTotals
    private let sources: [String]
    /// The place of a damaged line; nil if all are right.
    private let firstDamage: String?
    private let folder: FileName
    private let finder: RecordingFinder
    /// Reports of examples, by the recording's name in the results.
    private let reports: [String: FileName]

    /// - Parameters:
    ///   - folder: the folder of the page, to which links are relative.
    ///   - reports: reports of examples, by the recording's name in the results.
    package init(
        _ totals: ArchiveTotals, sources: [FileName], firstDamage: String?, folder: FileName,
        reports: [String: FileName]
    ) {
        self.totals = totals
        self.sources = sources.map(\.description)
        finder = RecordingFinder(sources)
        self.firstDamage = firstDamage
        self.folder = folder
        self.reports = reports
    }

    /// The whole page.
    package var page: SelfContainedPage {
        SelfContainedPage(
            shared: ["labels.js"], scripts: [PackageResources.elements_js, PackageResources.archive_js],
            styles: [PackageResources.report_css, PackageResources.archive_css], data: json)
    }

    /// The indices of labels, those with the most hours first.
    package static func ranking(_ totals: ArchiveTotals) -> [Int] {
        let labels = totals.labels
        return labels.indices.filter { labels[$0].count > 0 }.sorted {
            (labels[$1].seconds, labels[$1].count, labels[$0].name)
                < (labels[$0].seconds, labels[$0].count, labels[$1].name)
        }
    }

    /// The archive as a JSON object for the page.
    package var json: String {
        let ranking = Self.ranking(totals)
        let shown = Array(ranking.prefix(Self.labelLimit))
        var line = JSONWriter(type: "archive")
        line.add("sources", sources)
        line.add("kind", totals.kind?.rawValue ?? "")
        line.add("files", totals.files)
        line.add("seconds", totals.seconds, decimals: 3)
        line.add("label_count", ranking.count)
        line.add("damaged_lines", totals.damagedLines)
        if let firstDamage { line.add("first_damage", firstDamage) } else { line.addNull("first_damage") }
        line.add("labels", objects: shown.enumerated()) { object, entry in
            let label = totals.labels[entry.element]
            object.add("label", label.name)
            object.add("count", label.count)
            object.add("seconds", label.seconds, decimals: 3)
            object.add("p_max", label.examples.first?.p ?? 0, decimals: 4)
            object.add("examples", objects: entry.offset < Self.exampleLabelLimit ? label.examples : [], add)
        }
        let cells = totals.calendar.positions.isEmpty ? totals.order : totals.calendar
        line.add("map", totals.calendar.positions.isEmpty ? "order" : "calendar")
        line.add("map_unit", cells.unit)
        line.add("map_columns", objects: cells.positions) { object, position in
            object.add("position", position)
        }
        line.add("timeless_seconds", totals.timelessSeconds, decimals: 3)
        let columns = Dictionary(
            uniqueKeysWithValues: cells.positions.enumerated().map { ($0.element / cells.unit, $0.offset) })
        // The map of all sound comes first.
        line.add("maps", objects: [-1] + shown.prefix(Self.mapLimit)) { object, label in
            if label < 0 { object.addNull("label") } else { object.add("label", totals.labels[label].name) }
            let seconds = cells.seconds.indices.contains(label + 1) ? cells.seconds[label + 1] : [:]
            let sorted = seconds.sorted { ($0.key.column, $0.key.row) < ($1.key.column, $1.key.row) }
            object.add("cells", sorted.map { Float((columns[$0.key.column] ?? 0) * 24 + $0.key.row) })
            object.add("seconds", sorted.map { Float($0.value) })
        }
        line.add("reasons", objects: totals.reasons.sorted { ($1.value, $0.key.code) < ($0.value, $1.key.code) }) {
            object, reason in
            object.add("code", reason.key.code)
            object.add("outcome", reason.key.outcome.rawValue)
            object.add("count", reason.value)
        }
        line.add("remarks", objects: totals.remarks) { object, remark in
            object.add("file", remark.file)
            object.add("code", remark.code)
            object.add("message", remark.message)
            object.add("outcome", remark.outcome.rawValue)
        }
        return line.text
    }

    private func add(_ object: inout JSONWriter, _ example: ArchiveTotals.Example) {
        object.add("file", example.file)
        object.add("t0", example.start, decimals: 3)
        object.add("t1", example.end, decimals: 3)
        object.add("p", example.p, decimals: 4)
        if let time = example.time { object.add("time", CalendarTime.text(time)) } else { object.addNull("time") }
        if let file = finder.file(example.file) {
            object.add("audio", file.address(from: folder))
        } else {
            object.addNull("audio")
        }
        if let report = reports[example.file] {
            object.add("report", report.address(from: folder))
        } else {
            object.addNull("report")
        }
    }
}
