internal import Glibc
internal import StrictCoding

/// A plot as SVG: the confusion matrices, shares as bars, the curve of reliability, and found and false events at each
/// threshold, one below the other.
package struct EvaluationPlot {
    private static let width = 900.0
    private static let margin = 24.0
    private static let colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555"]

    /// Dashes of the curves beyond those that differ by colour.
    private static let dashes = [[], [8, 3], [2, 3], [10, 3, 2, 3]]

    private let data: PlotData
    private var drawing = SVGDrawing(width: Self.width)
    private var top = 40.0

    package init(_ data: PlotData) { self.data = data }

    /// The whole file.
    package static func svg(_ data: PlotData) -> String {
        var plot = EvaluationPlot(data)
        plot.drawing.text(data.title, x: Self.margin, y: plot.top, size: 20)
        plot.top += 24
        for confusion in data.confusions { plot.add(confusion) }
        for shares in data.shares { plot.add(shares) }
        if !data.bins.isEmpty { plot.addReliability() }
        if !data.curves.isEmpty { plot.addCurves() }
        for sentence in data.missing {
            plot.top += 20
            plot.drawing.text(sentence, x: Self.margin, y: plot.top, fill: "#666")
        }
        return plot.drawing.text(height: plot.top + Self.margin, title: data.title)
    }

    private mutating func heading(_ text: String) {
        top += 28
        drawing.text(text, x: Self.margin, y: top, size: 14)
        top += 12
    }

    // MARK: Confusion

    private mutating func add(_ confusion: PlotData.Confusion) {
        heading(confusion.title)
        let count = Double(confusion.labels.count)
        let longest = Double(confusion.labels.map(\.count).max() ?? 0)
        let size = max(6, min(40, (Self.width - 240) / count))
        let font = max(5, min(12, size - 1))
        let space = min(200, 12 + longest * font * 0.6)
        let (left, first) = (Self.margin + space, top + space)
        for (row, counts) in confusion.counts.enumerated() {
            let total = counts.reduce(0, +)
            let y = first + Double(row) * size
            drawing.text(
                confusion.labels[row], x: left - 4, y: y + size / 2 + font * 0.35, size: font, anchor: .end)
            for (column, value) in counts.enumerated() {
                let x = left + Double(column) * size
                let share = total == 0 ? 0 : Double(value) / Double(total)
                drawing.rectangle(
                    x: x, y: y, width: size, height: size, fill: Self.shade(share), stroke: "#eee",
                    title: "\(confusion.labels[row]) as \(confusion.labels[column]): \(value) of \(total)")
                if value > 0, size >= 18 {
                    drawing.text(
                        "\(value)", x: x + size / 2, y: y + size / 2 + 4, size: min(11, size * 0.4), anchor: .middle,
                        fill: share > 0.5 ? "#fff" : "#222")
                }
            }
        }
        for (column, label) in confusion.labels.enumerated() {
            let x = left + (Double(column) + 0.5) * size + font * 0.35
            drawing.text(label, x: x, y: first - 4, size: font, angle: -90)
        }
        top = first + count * size
    }

    /// White for none, dark blue for all.
    private static func shade(_ share: Double) -> String {
        // Invariant: a share is in 0 ... 1.
        let parts = [(255.0, 8.0), (255, 48), (255, 107)].map { Int(($0.0 + ($0.1 - $0.0) * share).rounded()) }
        return "rgb(\(parts[0]),\(parts[1]),\(parts[2]))"
    }

    // MARK: Shares

    private mutating func add(_ shares: PlotData.Shares) {
        heading(shares.title)
        let (height, font) = (20.0, 12.0)
        // Names stand in at most half of the width.
        let longest = Double(shares.rows.map(\.name.count).max() ?? 0)
        let left = Self.margin + min(Self.width / 2, 12 + longest * font * 0.6)
        let scale = Self.width - Self.margin - 50 - left
        for row in shares.rows {
            let middle = top + height / 2
            drawing.text(row.name, x: left - 8, y: middle + 4, size: font, anchor: .end)
            drawing.rectangle(
                x: left, y: top + 3, width: row.share * scale, height: height - 6, fill: Self.colours[5],
                title: "\(row.name): \(Decimal.text(row.share, 4))")
            if let interval = row.interval {
                let ends = [interval.lowerBound, interval.upperBound].map { (left + $0 * scale, middle) }
                drawing.line(ends, stroke: Self.colours[0], width: 2)
            }
            let end = left + max(row.share, row.interval?.upperBound ?? 0) * scale
            drawing.text("\(Decimal.text(100 * row.share, 1)) %", x: end + 6, y: middle + 4, size: font)
            top += height
        }
    }

    // MARK: Axes

    /// A rectangle with axes, and the map of values to its pixels. The horizontal axis goes from 0 to 1.
    private struct Panel {
        let left: Double
        let top: Double
        let width = 340.0
        let height = 240.0
        let range: ClosedRange<Double>

        func x(_ value: Double) -> Double { left + value * width }
        func y(_ value: Double) -> Double {
            top + height * (1 - (value - range.lowerBound) / (range.upperBound - range.lowerBound))
        }
    }

    /// Marks of an axis from 0 to 1.
    private static let shares = (0...5).map { (value: Double($0) / 5, text: Decimal.text(Double($0) / 5, 1)) }

    /// - Parameter marks: values of the vertical axis with their texts, from the lowest to the highest.
    private mutating func panel(
        left: Double, horizontal: String, vertical: String, marks: [(value: Double, text: String)] = Self.shares
    ) -> Panel {
        let range = (marks.first?.value ?? 0)...(marks.last?.value ?? 1)
        let panel = Panel(left: left + 56, top: top + 10, range: range)
        let (right, bottom) = (panel.left + panel.width, panel.top + panel.height)
        for mark in marks {
            let y = panel.y(mark.value)
            drawing.line([(panel.left, y), (right, y)], stroke: "#e4e4e4")
            drawing.text(mark.text, x: panel.left - 6, y: y + 4, size: 11, anchor: .end)
        }
        for mark in Self.shares {
            drawing.text(mark.text, x: panel.x(mark.value), y: bottom + 16, size: 11, anchor: .middle)
        }
        drawing.rectangle(
            x: panel.left, y: panel.top, width: panel.width, height: panel.height, fill: "none", stroke: "#999")
        drawing.text(horizontal, x: panel.left + panel.width / 2, y: bottom + 34, anchor: .middle)
        drawing.text(vertical, x: left + 10, y: panel.top + panel.height / 2, anchor: .middle, angle: -90)
        return panel
    }

    // MARK: Curves

    private mutating func addReliability() {
        let error = data.calibrationError.map { ": calibration error \(Decimal.text($0, 3))" } ?? ""
        heading("Reliability\(error)")
        let panel = panel(left: Self.margin, horizontal: "probability", vertical: "share that is right")
        drawing.line([(panel.x(0), panel.y(0)), (panel.x(1), panel.y(1))], stroke: "#999", dashes: [4, 4])
        drawing.line(
            data.bins.map { (panel.x($0.confidence), panel.y($0.accuracy)) }, stroke: Self.colours[0], width: 2)
        let total = data.bins.reduce(0) { $0 + $1.count }
        let counts = self.panel(
            left: Self.margin + 430, horizontal: "probability", vertical: "share of the values")
        for bin in data.bins {
            let title =
                "\(bin.count) values of mean \(Decimal.text(bin.confidence, 3)), "
                + "\(Decimal.text(bin.accuracy, 3)) right"
            let share = Double(bin.count) / Double(max(1, total))
            drawing.rectangle(
                x: panel.x(bin.confidence) - 3, y: panel.y(bin.accuracy) - 3, width: 6, height: 6,
                fill: Self.colours[0], title: title)
            drawing.rectangle(
                x: counts.x(bin.low) + 1, y: counts.y(share), width: max(1, (bin.high - bin.low) * counts.width - 2),
                height: counts.height * share, fill: Self.colours[5], title: title)
        }
        top = panel.top + panel.height + 44
    }

    private mutating func addCurves() {
        heading("Events at each threshold, for each label")
        // Rates of false events on a logarithmic axis, at whose lower end those below 0.1 lie.
        func height(_ curve: PlotData.Curve, _ point: PlotData.Curve.Point) -> Double {
            log10(max(0.1, curve.hours > 0 ? Double(point.falseEvents) / curve.hours : 0))
        }
        let highest = data.curves.flatMap { curve in curve.points.map { height(curve, $0) } }.max() ?? 0
        // Invariant: logarithms of counts an hour of at least a sample, far below 100.
        let powers = (-1...max(1, Int(highest.rounded(.up)))).map { power in
            (value: Double(power), text: power < 0 ? "0.1" : "1" + String(repeating: "0", count: power))
        }
        let found = panel(left: Self.margin, horizontal: "threshold", vertical: "found share of the given events")
        let wrong = panel(
            left: Self.margin + 430, horizontal: "threshold", vertical: "false events an hour (0.1 and less below)",
            marks: powers)
        top = found.top + found.height + 44
        for (index, curve) in data.curves.enumerated() {
            let (colour, dashes) = Self.look(index)
            drawing.line(
                curve.points.map {
                    (found.x($0.threshold), found.y(Double($0.found) / Double(max(1, curve.given))))
                }, stroke: colour, width: 1.5, dashes: dashes, title: curve.label)
            drawing.line(
                curve.points.map { (wrong.x($0.threshold), wrong.y(height(curve, $0))) }, stroke: colour, width: 1.5,
                dashes: dashes, title: curve.label)
        }
        addLegend()
    }

    /// Returns the colour and the dashes of a curve: four times as many pairs as colours.
    private static func look(_ index: Int) -> (colour: String, dashes: [Int]) {
        (colours[index % colours.count], dashes[index / colours.count % dashes.count])
    }

    /// Adds the names of the curves in columns.
    private mutating func addLegend() {
        let columns = 4
        for (index, curve) in data.curves.enumerated() {
            let x = Self.margin + 10 + Double(index % columns) * (Self.width - 2 * Self.margin) / Double(columns)
            if index % columns == 0 { top += 18 }
            let (colour, dashes) = Self.look(index)
            drawing.line([(x, top - 4), (x + 24, top - 4)], stroke: colour, width: 3, dashes: dashes)
            drawing.text("\(curve.label) (\(curve.given))", x: x + 30, y: top, size: 11)
        }
    }
}
