/// The picture of a recording: spectrogram with axes, bars of events, curves of the classes.
package struct RecordingPicture {
    private static let ink = PictureColour(0x1B1F24)
    private static let quiet = PictureColour(0x565F6A)
    private static let line = PictureColour(0xD9DCD8)
    private static let paper = PictureColour(0xFFFFFF)
    private static let other = PictureColour(0x868E96)
    /// The curves' colours of the live page.
    private static let curves: [UInt32] = [
        0x141EE8, 0x0E9101, 0xFF3D54, 0x6D039D, 0x0E8BFF, 0xAD0A51, 0xC84DCB, 0x1F5104,
    ]
    /// Curves from this one on have broken lines.
    private static let firstDashed = 4
    private static let textSize = 13.0
    private static let noteSize = 11.0
    private static let laneHeight = 22.0
    private static let noteHeight = 16.0
    private static let legendHeight = 20.0
    private static let mostLanes = 8
    /// More curves on each other cannot be read.
    private static let mostCurves = 20
    private static let timeSteps = [
        0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400,
    ]
    /// Frequencies with a mark, in Hz.
    private static let frequencies = [50.0, 100, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000]

    private let recording: RecordingReport
    private let width: Double
    /// The classes with curves, the likeliest first, and the places of the coloured ones in the list of colours.
    private let labels: [RecordingReport.CurveLabel]
    private let ranks: [String: Int]
    /// Space below the curves.
    private let bottom: Double
    private let lanes: EventLanes
    private let legend: PictureLegend
    /// Lines below the legend that say how to read the picture.
    private let notes: [String]
    private let spectrogram: PictureArea
    private let timeline: PictureArea
    private let chart: PictureArea

    package init(_ recording: RecordingReport, width: Int, height: Int) {
        self.recording = recording
        self.width = Double(width)
        let (left, right, top) = (70.0, 20.0, 40.0)
        let plot = Double(width) - left - right
        // A low picture has room for little beside its spectrogram and its curves.
        let mostLanes = max(1, min(Self.mostLanes, height / 150))
        lanes = EventLanes(recording.bars, seconds: recording.seconds, width: plot, mostLanes: mostLanes) {
            Self.fitted($0, $1, size: Self.textSize - 1, isBold: true)
        }
        let all = recording.curveLabels
        labels = Array(all.prefix(Self.mostCurves))
        let coloured = labels.prefix(Self.curves.count).filter { !$0.isBackground }.map(\.name)
        ranks = Dictionary(coloured.enumerated().map { ($1, $0) }) { first, _ in first }
        legend = PictureLegend(coloured, width: plot, mostRows: max(1, (height - 120) / 80)) {
            Self.fitted($0, $1, size: Self.textSize)
        }
        notes =
            PictureNotes(
                recording, lanes: lanes, curves: labels.map(\.name), coloured: coloured, firstDashed: Self.firstDashed,
                leftOut: all.count - labels.count, mostLines: max(0, (height - 200) / 100)
            ) { PictureText.width($0, size: Self.noteSize) <= plot }.lines
        bottom = 38 + Double(max(1, legend.rowCount)) * Self.legendHeight + Double(notes.count) * Self.noteHeight
        let events = Double(lanes.laneCount) * Self.laneHeight
        let free = max(60, Double(height) - top - bottom - events - 20)
        spectrogram = PictureArea(x: left, y: top, width: plot, height: (0.58 * free).rounded())
        timeline = PictureArea(x: left, y: spectrogram.bottom + 6, width: plot, height: events)
        chart = PictureArea(x: left, y: timeline.bottom + 14, width: plot, height: free - spectrogram.height)
    }

    /// Draws the picture.
    package func draw<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas) throws {
        let height = chart.bottom + bottom
        let whole = PictureArea(x: 0, y: 0, width: width, height: height)
        canvas.fill(whole, Self.paper)
        drawTitle(on: &canvas, whole)
        let extent = recording.spectrogramSeconds / max(recording.seconds, 1e-9)
        canvas.fill(spectrogram, PictureColour(0x060612))
        if let image = recording.image(width: Int(spectrogram.width)) {
            let part = PictureArea(
                x: spectrogram.x, y: spectrogram.y, width: spectrogram.width * min(1, extent),
                height: spectrogram.height)
            try canvas.image(image, in: part)
        }
        drawFrequencies(on: &canvas, whole)
        drawEvents(on: &canvas)
        drawCurves(on: &canvas, whole)
    }

    private func drawTitle<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas, _ whole: PictureArea) {
        let remark = Self.fitted(
            "\(Self.clock(recording.seconds, decimals: 1)), \(recording.modelName)", 0.5 * width, size: Self.textSize)
        canvas.text(
            remark.text, at: PicturePoint(width - 20, 20), .right, size: Self.textSize, isBold: false, Self.quiet,
            in: whole)
        // Of a long path the last part is its name.
        let room = width - 20 - remark.width - 16 - 12
        let size = Self.textSize + 2
        let name = recording.name.split(separator: "/").last.map(String.init) ?? recording.name
        let isFit = PictureText.width(recording.name, size: size, isBold: true) <= room
        canvas.text(
            isFit ? recording.name : Self.fitted(name, room, size: size, isBold: true).text, at: PicturePoint(12, 20),
            .left, size: size, isBold: true, Self.ink, in: PictureArea(x: 0, y: 0, width: 12 + room, height: 40))
    }

    private func x(_ time: Double) -> Double {
        chart.x + max(0, min(1, time / max(recording.seconds, 1e-9))) * chart.width
    }

    private func drawFrequencies<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas, _ whole: PictureArea) {
        var last = Double.infinity
        for hertz in Self.frequencies {
            guard let part = recording.height(ofHertz: hertz) else { continue }
            let y = spectrogram.bottom - part * spectrogram.height
            guard last - y >= 1.1 * Self.textSize else { continue }
            last = y
            // Invariant: the frequencies are whole numbers.
            let words = hertz < 1000 ? "\(Int(hertz)) Hz" : "\(Int(hertz / 1000)) kHz"
            label(words, y, on: &canvas, whole)
            canvas.line(
                [PicturePoint(spectrogram.x - 4, y), PicturePoint(spectrogram.x, y)], Self.quiet, width: 1,
                isDashed: false)
        }
    }

    private func label<Canvas: PictureCanvas & ~Copyable>(
        _ words: String, _ y: Double, on canvas: inout Canvas, _ whole: PictureArea
    ) {
        canvas.text(
            words, at: PicturePoint(spectrogram.x - 8, y), .right, size: Self.textSize - 1, isBold: false, Self.quiet,
            in: whole)
    }

    private func drawEvents<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas) {
        for place in lanes.places {
            let top = timeline.y + Double(place.lane) * Self.laneHeight
            func area(_ part: ClosedRange<Double>, top: Double, height: Double) -> PictureArea {
                PictureArea(
                    x: timeline.x + part.lowerBound, y: top, width: part.upperBound - part.lowerBound, height: height)
            }
            let colour = colour(place.label)
            // The bar is the event's time; the words may need more space.
            canvas.fill(
                area(place.bar, top: top, height: Self.laneHeight - 3),
                PictureColour(colour.red, colour.green, colour.blue, alpha: 0.24))
            canvas.fill(area(place.bar, top: top + Self.laneHeight - 7, height: 4), colour)
            guard let (text, left) = place.words else { continue }
            // The fonts of an SVG file's reader may be wider.
            canvas.text(
                text, at: PicturePoint(timeline.x + left, top + 8), .left, size: Self.textSize - 1, isBold: true,
                Self.ink, in: area(left...place.extent.upperBound, top: top, height: Self.laneHeight))
        }
        if lanes.hiddenCount > 0 {
            let room = PictureArea(x: 0, y: timeline.y, width: timeline.x, height: Self.laneHeight)
            let words = "+\(lanes.hiddenCount)"
            let isFit = PictureText.width("\(words) more", size: Self.textSize - 1) <= room.width - 10
            canvas.text(
                isFit ? "\(words) more" : words, at: PicturePoint(timeline.x - 8, timeline.y + 8), .right,
                size: Self.textSize - 1, isBold: false, Self.quiet, in: room)
        }
    }

    private func drawCurves<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas, _ whole: PictureArea) {
        func y(_ probability: Double) -> Double { chart.bottom - probability * chart.height }
        for mark in [0.0, 0.5, 1] {
            canvas.line(
                [PicturePoint(chart.x, y(mark)), PicturePoint(chart.right, y(mark))], Self.line, width: 1,
                isDashed: false)
            // Invariant: the marks are 0, 50 and 100.
            label("\(Int(100 * mark)) %", y(mark), on: &canvas, whole)
        }
        let most = max(2, chart.width / 110)
        let step = Self.timeSteps.first { recording.seconds / $0 <= most } ?? 604_800
        for mark in stride(from: 0, through: recording.seconds, by: step) {
            canvas.line(
                [PicturePoint(x(mark), chart.y), PicturePoint(x(mark), chart.bottom + 4)], Self.line, width: 1,
                isDashed: false)
            let words = Self.fitted(Self.clock(mark, decimals: step < 1 ? 1 : 0), width, size: Self.textSize - 1)
            guard x(mark) + words.width / 2 <= width else { continue }
            canvas.text(
                words.text, at: PicturePoint(x(mark), chart.bottom + 14), .centre, size: Self.textSize - 1,
                isBold: false, Self.quiet, in: whole)
        }
        // The likeliest class lies above the others.
        for label in labels.reversed() {
            let points = recording.curve(label.index, columns: Int(chart.width)).map { time, probability in
                PicturePoint(x(time), y(probability))
            }
            canvas.line(
                points, colour(label.name), width: ranks[label.name] == nil ? 1.25 : 2,
                isDashed: (ranks[label.name] ?? 0) >= Self.firstDashed)
        }
        drawLegend(on: &canvas, whole)
    }

    private func drawLegend<Canvas: PictureCanvas & ~Copyable>(on canvas: inout Canvas, _ whole: PictureArea) {
        let top = chart.bottom + 38
        for entry in legend.entries {
            var x = chart.x + entry.x
            let y = top + Double(entry.row) * Self.legendHeight
            if let label = entry.label {
                canvas.line(
                    [PicturePoint(x, y), PicturePoint(x + 20, y)], colour(label), width: 3,
                    isDashed: (ranks[label] ?? 0) >= Self.firstDashed)
                x += PictureLegend.lineWidth
            }
            canvas.text(
                entry.text, at: PicturePoint(x, y), .left, size: Self.textSize, isBold: false,
                entry.label == nil ? Self.quiet : Self.ink, in: whole)
        }
        let below = top + Double(max(1, legend.rowCount)) * Self.legendHeight
        for (index, note) in notes.enumerated() {
            canvas.text(
                note, at: PicturePoint(chart.x, below + Double(index) * Self.noteHeight), .left, size: Self.noteSize,
                isBold: false, Self.quiet, in: whole)
        }
    }

    /// Returns a text as it fits into a width, and its own width.
    private static func fitted(
        _ text: String, _ width: Double, size: Double, isBold: Bool = false
    ) -> (text: String, width: Double) {
        let fitted = PictureText.fitted(text, width: width, size: size, isBold: isBold)
        return (fitted, PictureText.width(fitted, size: size, isBold: isBold))
    }

    private func colour(_ label: String) -> PictureColour {
        ranks[label].map { PictureColour(Self.curves[$0]) } ?? Self.other
    }

    /// Returns a time as minutes and seconds.
    private static func clock(_ seconds: Double, decimals: Int) -> String {
        let factor = decimals > 0 ? 10.0 : 1
        // Invariant: a recording is shorter than the age of the universe.
        let units = Int((seconds * factor).rounded())
        let perMinute = Int(60 * factor)
        let (minutes, rest) = (units / perMinute, units % perMinute)
        let whole = rest / Int(factor)
        let text = "\(minutes):\(whole < 10 ? "0" : "")\(whole)"
        return decimals > 0 ? "\(text).\(rest % 10)" : text
    }
}
