internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The pictures of `models show` and `evaluate`, read by another program's XML reader.
@Suite struct PlotTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    /// The texts and tool tips of an SVG file that Python's reader accepts, a line each.
    private func texts(_ file: String) throws -> [String] {
        let script = """
            import sys, xml.etree.ElementTree as tree
            svg = "{http://www.w3.org/2000/svg}"
            root = tree.parse(sys.argv[1]).getroot()
            assert root.tag == svg + "svg"
            for node in root.iter():
                if node.tag in (svg + "text", svg + "title"): print(node.text)
            """
        let finished = try ChildProcess(["-c", script, file], program: "/usr/bin/python3").wait()
        #expect(finished.status == 0, "\(finished.errors)")
        return finished.lines
    }

    /// Every cell of the card's matrices is in the picture, and what the card lacks is named.
    @Test func cardOfAModel() throws {
        let finished = try Program.run(["models", "show", Program.model, "--plot", path("card.svg")])
        #expect(finished.status == 0 && finished.output.contains("SHA-256"))
        #expect(finished.errors.contains("has no calibration; audio-classifierd evaluate DATA"), "\(finished.errors)")
        let texts = try texts(path("card.svg"))
        #expect(texts.contains { $0.contains("has no threshold curves") })
        let text = try String(contentsOfFile: "\(Program.models)/\(Program.model)/config.json", encoding: .utf8)
        let model = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        let labels = model["labels"]?.elements.compactMap(\.string) ?? []
        var cells = 0
        for kind in ["cold", "mid_stream"] {
            let rows = model["card"]?["accuracy"]?[kind]?["confusion"]?.elements ?? []
            for (given, row) in zip(labels, rows) {
                let counts = row.elements.compactMap(\.number).map { Int($0) }
                for (first, count) in zip(labels, counts) {
                    let tip = "\(given) as \(first): \(count) of \(counts.reduce(0, +))"
                    #expect(texts.contains(tip), "\(tip)")
                    cells += 1
                }
            }
        }
        #expect(cells == 2 * labels.count * labels.count)
    }

    /// A card without a matrix has its shares drawn; one with nothing to draw has a message that names what is missing.
    @Test func cardWithoutAMatrix() throws {
        let finished = try Program.run(["models", "show", "general", "--plot", path("card.svg")])
        #expect(finished.status == 0 && finished.errors.contains("has no confusion matrix"), "\(finished.errors)")
        let texts = try texts(path("card.svg"))
        let text = try String(contentsOfFile: "\(Program.models)/general/config.json", encoding: .utf8)
        let model = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        let sets = model["card"]?["first_label"]?["sets"]?.elements ?? []
        #expect(!sets.isEmpty)
        for set in sets {
            let name = try #require(set["name"]?.string)
            for (key, label) in [("right", name), ("all", "\(name), --labels all")] {
                let share = try #require(set[key]?.number)
                let tips = texts.filter { $0.hasPrefix("\(label): ") }
                #expect(tips.contains { abs((Double($0.dropFirst(label.count + 2)) ?? -1) - share) < 1e-4 }, "\(label)")
            }
        }
        let copy = path("model")
        try FileManager.default.copyItem(atPath: "\(Program.models)/\(Program.model)", toPath: copy)
        let cards: [(String, Int32)] = [("{}", 65), (#"{"accuracy":{"cold":{"recall":{"yes":0.25}}}}"#, 0)]
        for (card, status) in cards {
            let json = try JSONDecoder().decode(
                JSONValue.self, from: Data(contentsOf: URL(filePath: "\(copy)/config.json")))
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(card.utf8))
            try FileManager.default.removeItem(atPath: "\(copy)/config.json")
            try JSONEncoder().encode(json.with(["card"], value)).write(to: URL(filePath: "\(copy)/config.json"))
            let shown = try Program.run(["models", "show", copy + "/", "--plot", path("other.svg")])
            #expect(shown.status == status, "\(shown.errors)")
            if status == 65 {
                #expect(shown.errors.contains("has none of accuracy, first_label, event_times, in_streams"))
                let all = "environment, environment-10, general, keywords-ar, keywords-en"
                #expect(shown.errors.contains("the cards of \(all) have some"))
            } else {
                #expect(try self.texts(path("other.svg")).contains("yes: 0.25"))
            }
        }
        let help = try Program.run(["models", "show", "--help"]).output
        for part in ["accuracy", "first_label", "event_times", "in_streams", "calibration", "threshold_curves"] {
            #expect(help.contains(part))
        }
    }

    /// The curves of a card in the form of an evaluation's JSON are those of the evaluation's own picture.
    @Test func evaluationAndACardWithItsNumbers() throws {
        for (index, label) in ["yes", "no"].enumerated() {
            try FileManager.default.createDirectory(
                atPath: path("data/\(label)"), withIntermediateDirectories: true)
            try folder.write(
                WaveFile(Sound.samples(48000, seed: UInt64(index))).bytes, to: "data/\(label)/<&\".wav")
        }
        let finished = try Program.run(
            ["evaluate", path("data"), "--format", "json", "--plot", path("plot.svg"), "--threshold", "0.05"])
        #expect(finished.status == 0, "\(finished.errors)")
        let result = try #require(try finished.records().first)
        let texts = try texts(path("plot.svg"))
        #expect(texts.contains("yes (1)") && texts.contains("no (1)") && !texts.contains { $0.contains(" has no ") })
        for bin in result["calibration"]?["bins"]?.elements ?? [] where bin["count"]?.number ?? 0 > 0 {
            #expect(texts.contains { $0.hasPrefix("\(Int(bin["count"]?.number ?? 0)) values of mean ") })
        }
        let model = path("model")
        try FileManager.default.copyItem(atPath: "\(Program.models)/\(Program.model)", toPath: model)
        var configuration = try JSONDecoder().decode(
            JSONValue.self, from: Data(contentsOf: URL(filePath: "\(model)/config.json")))
        for key in ["calibration", "threshold_curves"] {
            configuration = configuration.with(["card", key], result[key])
        }
        try FileManager.default.removeItem(atPath: "\(model)/config.json")
        try JSONEncoder().encode(configuration).write(to: URL(filePath: "\(model)/config.json"))
        let shown = try Program.run(["models", "show", model + "/", "--plot", path("card.svg")])
        #expect(shown.status == 0 && shown.errors == "", "\(shown.errors)")
        func curves(_ file: String) throws -> [String] {
            try String(contentsOfFile: path(file), encoding: .utf8).split(separator: "\n")
                .filter { $0.contains("<polyline") && $0.contains("<title>") }
                .map { $0.split(separator: "\"").first { $0.contains(",") }.map(String.init) ?? "" }
        }
        let heights = try [curves("plot.svg"), curves("card.svg")].map { lines in
            // Heights below the first point: the panels lie at other places of the two pictures.
            lines.map { line -> [Double] in
                let values = line.split(separator: " ").compactMap { $0.split(separator: ",").last }
                    .compactMap { Double($0) }
                return values.map { $0 - (values.first ?? 0) }
            }
        }
        #expect(heights[0].count == 4 && heights[0].map(\.count) == heights[1].map(\.count))
        for (one, other) in zip(heights[0].joined(), heights[1].joined()) {
            #expect(abs(one - other) < 0.03, "\(one), \(other)")
        }
    }

    /// Twelve curves differ by colour and dashes, as their legend does, and bars of reliability lie side by side.
    @Test func manyCurvesAndBars() throws {
        let model = path("model")
        try FileManager.default.copyItem(atPath: "\(Program.models)/\(Program.model)", toPath: model)
        var configuration = try JSONDecoder().decode(
            JSONValue.self, from: Data(contentsOf: URL(filePath: "\(model)/config.json")))
        let curves = (0..<12).map {
            "{\"label\":\"label \($0)\",\"given\":9,\"hours_without\":1,\"points\":["
                + "{\"threshold\":0.1,\"found\":9,\"false_events\":9},"
                + "{\"threshold\":0.9,\"found\":\($0 / 2),\"false_events\":0}]}"
        }
        // Means at the neighbouring edges of their ranges.
        let bins = (0..<10).map {
            let low = Double($0) / 10
            return "{\"low\":\(low),\"high\":\(low + 0.1),\"count\":10,\"accuracy\":0.5,\"confidence\":"
                + "\($0 % 2 == 0 ? low + 0.099 : low + 0.001)}"
        }
        let text =
            "{\"c\":[\(curves.joined(separator: ","))],"
            + "\"b\":{\"expected_error\":0.1,\"bins\":[\(bins.joined(separator: ","))]}}"
        let card = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        configuration = configuration.with(["card", "threshold_curves"], card["c"])
        configuration = configuration.with(["card", "calibration"], card["b"])
        try FileManager.default.removeItem(atPath: "\(model)/config.json")
        try JSONEncoder().encode(configuration).write(to: URL(filePath: "\(model)/config.json"))
        let shown = try Program.run(["models", "show", model + "/", "--plot", path("card.svg")])
        #expect(shown.status == 0 && shown.errors == "", "\(shown.errors)")
        let script = """
            import collections, sys, xml.etree.ElementTree as tree
            svg = "{http://www.w3.org/2000/svg}"
            root = tree.parse(sys.argv[1]).getroot()
            curves = [(node.find(svg + "title").text, node.get("stroke"), node.get("stroke-dasharray"))
                      for node in root.iter(svg + "polyline") if node.find(svg + "title") is not None]
            looks = {name: (colour, dashes) for name, colour, dashes in curves}
            assert len(curves) == 24 and len(set(curves)) == 12 and len(set(looks.values())) == 12, curves
            legend = [(node.get("stroke"), node.get("stroke-dasharray")) for node in root.iter(svg + "polyline")
                      if node.get("stroke-width") == "3"]
            assert legend == [looks[f"label {index}"] for index in range(12)], legend
            bars = [(float(node.get("x")), float(node.get("x")) + float(node.get("width")))
                    for node in root.iter(svg + "rect")
                    if " values of mean " in (node.findtext(svg + "title") or "") and node.get("width") != "6"]
            assert len(bars) == 10 and all(one[1] < other[0] for one, other in zip(bars, bars[1:])), bars
            """
        let finished = try ChildProcess(["-c", script, path("card.svg")], program: "/usr/bin/python3").wait()
        #expect(finished.status == 0, "\(finished.errors)")
    }

    @Test func placeThatCannotBeWritten() throws {
        let finished = try Program.run(["models", "show", Program.model, "--plot", path("none/x.svg")])
        #expect(finished.status == 74 && finished.errors.contains("--plot"))
        let png = try Program.run(["models", "show", Program.model, "--plot", path("x.png")])
        #expect(png.status == 64 && png.errors.contains("name it .svg"))
    }
}
