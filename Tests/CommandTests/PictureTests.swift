internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// The pictures of `report`, decoded by a real browser.
@Suite(.serialized) struct PictureTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path(name)))) }

    /// Writes two seconds of a tone.
    private func tone(_ hertz: Double) throws -> String {
        let samples = (0..<32_000).map { Int16(8000 * sin(2 * .pi * hertz * Double($0) / 16_000)) }
        try Data(WaveFile(samples).bytes).write(to: URL(filePath: path("tone.wav")))
        return path("tone.wav")
    }

    @Test func sizesAndRefusals() throws {
        let sound = try tone(1000)
        let run = try Program.run(
            [
                "report", sound, "--png", path("a.png"), "--svg", path("a.svg"), "--size", "640x480", "--model",
                "keywords-en",
            ])
        #expect(run.status == 0, "\(run.errors)")
        let png = try bytes("a.png")
        // A PNG file begins with its signature, and the chunk IHDR with width and height in 32 bits each.
        #expect(png.starts(with: [0x89] + Array("PNG\r\n".utf8)))
        #expect(Array(png[16..<24]) == [0, 0, 2, 128, 0, 0, 1, 224])
        #expect(String(decoding: try bytes("a.svg"), as: UTF8.self).contains(#"width="640" height="480""#))
        for arguments in [
            [sound, "--png", path("a.png"), "--size", "10x10"], [sound, "--png", path("a.png"), "--size", "640"],
            [sound], [sound, sound, "--png", path("b.png")], [sound, "--png", sound], [sound, "--png", "-"],
            ["--archive", sound, "--png", path("b.png")], [sound, "--png", path("b.jpg")],
            [sound, "--svg", path("b.png")], [sound, "--output", path("b.png")],
        ] {
            let refused = try Program.run(["report"] + arguments)
            #expect(refused.status == 64, "\(arguments): \(refused.status) \(refused.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: path("b.png")))
    }

    /// A tone is the brightest row of the spectrogram, at the height that its frequency has on the mel scale.
    @Test(.enabled(if: Browser.isReady, Browser.needs), arguments: [500.0, 3000])
    func toneIsAtItsHeight(hertz: Double) throws {
        let run = try Program.run(
            [
                "report", try tone(hertz), "--png", path("a.png"), "--svg", path("a.svg"), "--size", "800x600",
                "--model",
                "keywords-en",
            ])
        #expect(run.status == 0, "\(run.errors)")
        let browser = try Browser("about:blank")
        let svg = String(decoding: try bytes("a.svg"), as: UTF8.self)
        let place = try browser.evaluate(
            """
            (() => {
              const file = new DOMParser().parseFromString(\(JSONWriter.quoted(svg)), 'image/svg+xml');
              const image = file.querySelector('image');
              return file.querySelector('parsererror') ? null
                : ['x', 'y', 'width', 'height'].map((name) => Number(image.getAttribute(name)));
            })()
            """)
        guard case .array(let values) = place, values.count == 4 else {
            Issue.record("the SVG file is not XML with an image: \(place)")
            return
        }
        let area = values.compactMap(\.number)
        let data = Data(try bytes("a.png")).base64EncodedString()
        let brightest = try browser.evaluate(
            """
            (async () => {
              const image = new Image();
              image.src = 'data:image/png;base64,\(data)';
              await image.decode();
              const canvas = document.createElement('canvas');
              [canvas.width, canvas.height] = [image.width, image.height];
              const context = canvas.getContext('2d');
              context.drawImage(image, 0, 0);
              const column = context.getImageData(\(Int(area[0] + area[2] / 2)), \(area[1]), 1, \(area[3])).data;
              const sums = Array.from({ length: \(area[3]) }, (_, y) =>
                column[4 * y] + column[4 * y + 1] + column[4 * y + 2]);
              const most = Math.max(...sums);
              const rows = [...sums.keys()].filter((y) => sums[y] > 0.97 * most);
              // Between the bars of events and the curves there is nothing.
              const gap = context.getImageData(\(area[0]), \(area[1] + area[3] + 31), \(area[2]), 1).data;
              return [canvas.width, canvas.height, rows[0], rows.at(-1), Math.min(...gap)];
            })()
            """)
        guard case .array(let found) = brightest, found.count == 5 else {
            Issue.record("the PNG file cannot be decoded: \(brightest)")
            return
        }
        #expect(found[0] == 800 && found[1] == 600 && found[4] == 255)
        // keywords-en: 64 bands between 125 and 7500 Hz, equal steps of HTK's mel scale.
        func mel(_ hertz: Double) -> Double { 2595 * log10(1 + hertz / 700) }
        let step = (mel(7500) - mel(125)) / 65
        let band = (mel(hertz) - mel(125)) / step - 0.5
        let expected = area[3] * (1 - band / 64)
        let tolerance = 1.5 * area[3] / 64
        let (top, bottom) = (found[2].number ?? -1, found[3].number ?? -1)
        #expect(top - tolerance <= expected && expected <= bottom + tolerance)
        #expect(bottom - top <= 4 * area[3] / 64, "the tone is a line: \(top) to \(bottom)")
    }

    /// Words of an SVG file are text, whatever letters a recording's name has.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func wordsAreText() throws {
        let recording = path("<&\u{1}\"é.wav")
        try FileManager.default.copyItem(atPath: Browser.recording, toPath: recording)
        let run = try Program.run(["report", recording, "--svg", path("a.svg"), "--model", "keywords-en"])
        #expect(run.status == 0, "\(run.errors)")
        let browser = try Browser("file://\(path("a.svg"))")
        try browser.wait("document.querySelectorAll('text').length > 5")
        let words =
            try browser.evaluate(
                "[...document.querySelectorAll('text')].map((one) => one.textContent).join('\\n')"
            ).string ?? ""
        let lines = words.split(separator: "\n").map(String.init)
        #expect(lines.contains(path("<&\u{FFFD}\"é.wav")))
        // The bar of an event and the legend.
        #expect(lines.filter { $0 == "left" }.count == 2)
        #expect(lines.contains("1 kHz") && lines.contains("50 %"))
        // The grey curves have names, too.
        #expect(lines.last?.hasSuffix("Grey curves: silence; other sounds.") == true)
    }

    /// Where there is no room for all bars, the longest events have one.
    @Test func longestEventsAreShown() throws {
        let sound = try tone(1000)
        let options = ["--threshold", "0.02", "--model", "general"]
        #expect(try Program.run(["report", sound, "--svg", path("a.svg")] + options).status == 0)
        let svg = String(decoding: try bytes("a.svg"), as: UTF8.self)
        #expect(svg.contains("bars without room"))
        let ends = try Program.run(["classify", sound, "--emit", "events"] + options).records("event")
            .filter { $0["phase"] == "end" }
        let durations = ends.map { ($0["t1"]?.number ?? 0) - ($0["t0"]?.number ?? 0) }
        let widths = svg.matches(of: /<rect [^>]*width="([0-9.]+)"/).compactMap { Double($0.output.1) }
        // The picture's 1,200 columns less its margins are the two seconds.
        let longest = durations.sorted(by: >).prefix(4).map { $0 * (1200 - 70 - 20) / 2 }
        #expect(longest.count == 4)
        for width in longest { #expect(widths.contains { abs($0 - width) < 1 }, "\(width)") }
    }

    /// Every coloured curve has an entry in the legend of a narrow picture, or the legend says how many more there are.
    @Test(arguments: ["390x800", "1200x700", "200x200", "250x8000"])
    func legendIsComplete(size: String) throws {
        let sound = try tone(1000)
        let arguments = ["report", sound, "--svg", path("a.svg"), "--threshold", "0.02", "--model", "general"]
        #expect(try Program.run(arguments + ["--size", size]).status == 0)
        let svg = String(decoding: try bytes("a.svg"), as: UTF8.self)
        // A curve has a line of width 2, its entry one of width 3.
        let colours = [2, 3].map { width in
            svg.matches(of: /<polyline [^>]*stroke="(rgb[^"]*)" stroke-width="([23])"/)
                .filter { $0.output.2 == "\(width)" }.map { String($0.output.1) }
        }
        #expect(colours[0].count == 8 && Set(colours[0]).count == 8 && Set(colours[1]).isSubset(of: colours[0]))
        let more = svg.matches(of: />\+([0-9]+) more</).compactMap { Int($0.output.1) }
        let hidden = colours[0].count - colours[1].count
        #expect(hidden == 0 || more.contains(hidden), "\(size): \(colours), \(more)")
        if size != "200x200" { #expect(hidden == 0) }
        let height = try #require(Double(size.split(separator: "x")[1]))
        let lowest = svg.matches(of: /<text x="[^"]*" y="([0-9.]+)"/).compactMap { Double($0.output.1) }.max() ?? 0
        #expect(lowest < height, "the last line is in the picture")
    }

    /// No two words of the events cover each other or leave the picture, as a browser draws them.
    @Test(.enabled(if: Browser.isReady, Browser.needs), arguments: ["390x1000", "1200x700"])
    func wordsOfEventsStandApart(size: String) throws {
        try Data(WaveFile(Sound.samples(960_000)).bytes).write(to: URL(filePath: path("noise.wav")))
        let run = try Program.run(
            [
                "report", path("noise.wav"), "--svg", path("a.svg"), "--size", size, "--model", "general",
                "--threshold", "0.12",
            ])
        #expect(run.status == 0, "\(run.errors)")
        let browser = try Browser("file://\(path("a.svg"))")
        try browser.wait("document.querySelectorAll('text').length > 5")
        let faults = try browser.evaluate(
            """
            (() => {
              const boxes = [...document.querySelectorAll('text[font-size="12"][font-weight="bold"]')]
                .map((one) => [one.textContent, one.getBBox()]);
              const width = document.documentElement.width.baseVal.value;
              const faults = boxes.filter(([, box]) => box.x < 70 || box.x + box.width > width).map(([text]) => text);
              boxes.forEach(([text, one], index) => boxes.slice(0, index).forEach(([other, two]) => {
                if (Math.abs(one.y - two.y) < 10 && one.x < two.x + two.width && two.x < one.x + one.width) {
                  faults.push(`${text} on ${other}`);
                }
              }));
              return JSON.stringify([boxes.length > 8, faults]);
            })()
            """)
        #expect(faults == "[true,[]]")
    }

    /// The picture says what its marks are, and why a bar begins before its curve.
    @Test func marksAreExplained() throws {
        let sound = try tone(1000)
        let arguments = ["report", sound, "--svg", path("a.svg"), "--threshold", "0.02", "--model"]
        #expect(try Program.run(arguments + ["general"]).status == 0)
        let many = String(decoding: try bytes("a.svg"), as: UTF8.self)
        let delay = try Program.onsetDelay(of: "general")
        let seconds = delay == delay.rounded() ? "\(Int(delay))" : "\(delay)"
        #expect(many.contains("Bars begin \(seconds) s before the model notices a sound"), "\(many.prefix(3000))")
        #expect(many.contains("Broken lines are the colours of further classes.") && many.contains("Grey curves:"))
        let hidden = try #require(many.firstMatch(of: /\+([0-9]+)( more)?</)?.output.1)
        #expect(many.contains("+\(hidden) more: bars without room."))
        let model = path("keywords-en")
        try FileManager.default.copyItem(atPath: "\(Program.models)/keywords-en", toPath: model)
        let file = URL(filePath: "\(model)/config.json")
        let configuration = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
        try JSONEncoder().encode(configuration.with(["decision", "onset_delay_ms"], .number(0))).write(to: file)
        #expect(try Program.run(arguments + [model + "/"]).status == 0)
        #expect(!String(decoding: try bytes("a.svg"), as: UTF8.self).contains("Bars begin"), "a model without a delay")
    }
}
