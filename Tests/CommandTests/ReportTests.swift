internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The page of `report`, as a file and in a real browser.
@Suite(.serialized) struct ReportTests {
    private static let recording = Browser.recording
    private let folder: TemporaryDirectory
    private var page: String { "\(folder.path)/report.html" }

    init() throws { folder = try TemporaryDirectory() }

    /// Returns the data of a page.
    private func data(_ page: String) throws -> JSONValue {
        let text = try String(contentsOfFile: page, encoding: .utf8)
        let start = try #require(text.firstRange(of: #"<script type="application/json" id="data">"#)?.upperBound)
        let end = try #require(text[start...].firstRange(of: "</script>")?.lowerBound)
        return try JSONDecoder().decode(JSONValue.self, from: Data(text[start..<end].utf8))
    }

    private func write(_ samples: [Int16], _ name: String) throws -> String {
        let path = "\(folder.path)/\(name)"
        try Data(WaveFile(samples).bytes).write(to: URL(filePath: path))
        return path
    }

    @Test func dataAreThoseOfClassify() throws {
        let path = try write(Sound.samples(64_000), "sound.wav")
        let run = try Program.run(["report", path, "--output", page, "--model", "keywords-en", "--threshold", "0.3"])
        #expect(run.status == 0, "\(run.errors)")
        let recording = try #require(try data(page)[0])
        #expect(recording["seconds"] == 4 && recording["bands"] == 64)
        let lines = try Program.run(
            ["classify", path, "--emit", "frames", "--top-k", "12", "--model", "keywords-en"]
        ).output.split(separator: "\n").map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
            .filter { $0["type"] == "frame" }
        #expect(recording["curve_columns"]?.number == Double(lines.count))
        #expect(recording["curve_start"]?.number == lines.first?["t"]?.number)
        // Every label's largest and mean probability.
        var values: [String: [Double]] = [:]
        for line in lines {
            for entry in line["top"]?.array ?? [] {
                values[entry["label"]?.string ?? "", default: []].append(entry["p"]?.number ?? 0)
            }
        }
        let numbers = recording["numbers"]?.array ?? []
        #expect(!numbers.isEmpty)
        for number in numbers {
            let own = try #require(values[number["label"]?.string ?? ""])
            #expect(abs((number["max"]?.number ?? -1) - (own.max() ?? 0)) < 2e-4)
            #expect(abs((number["mean"]?.number ?? -1) - own.reduce(0, +) / Double(own.count)) < 2e-4)
        }
        // The summary's first label.
        let summary = try Program.run(["classify", path, "--top-k", "1", "--model", "keywords-en"]).records("summary")
        #expect(recording["first"] != nil && recording["first"] == summary.first?["top"]?[0]?["label"])
        // Events as `classify` reports their ends.
        let events = try Program.run(
            ["classify", path, "--emit", "events", "--model", "keywords-en", "--threshold", "0.3"]
        ).output.split(separator: "\n").map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
            .filter { $0["phase"] == "end" }
        let found = recording["events"]?.array ?? []
        func key(_ event: JSONValue) -> String {
            "\(event["t0"] ?? .null) \(event["t1"] ?? .null) \(event["label"] ?? .null)"
        }
        #expect(found.map(key).sorted() == events.map(key).sorted())
    }

    /// Labels, names and the page's own words cannot end its scripts.
    @Test func namesAreText() throws {
        let path = try write(Sound.samples(16_000), "<script>alert(1)<.wav")
        let run = try Program.run(["report", path, "--output", page, "--player", "none"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(try data(page)[0]?["name"]?.string == path)
        #expect(try !String(contentsOfFile: page, encoding: .utf8).contains("<script>alert"))
        #expect(try data(page)[0]?["audio"] == .null)
    }

    @Test func failuresLeaveTheOthers() throws {
        let good = try write(Sound.samples(16_000), "a b.wav")
        try Data("no audio".utf8).write(to: URL(filePath: "\(folder.path)/bad.wav"))
        let run = try Program.run(["report", folder.path, "--output", page, "--player", "link"])
        #expect(run.status == 65 && run.errors.contains("bad.wav"))
        #expect(try data(page)[0]?["audio"] == "./a%20b.wav")
        #expect(try data(page)[1]?["type"] == "failure" && data(page)[2] == nil)
        let over = try Program.run(["report", good, "--output", good])
        #expect(over.status == 64 && over.errors.contains("is the input"))
        let missing = try Program.run(["report", "\(folder.path)/none.wav", "--output", page])
        #expect(missing.status == 66)
    }

    /// The page says why a bar begins before its curve, what broken lines are, and the names of all grey curves.
    /// Files without a result are on the page, as data and in the browser.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func pageListsTheFilesThatFailed() throws {
        _ = try write(Sound.samples(16_000), "good.wav")
        try folder.write(Array("<b>text</b>".utf8), to: "<i>bad</i>.wav".replacing("/", with: "|"))
        try folder.write([0], to: "memo.m4a")
        let run = try Program.run(["report", folder.path, "\(folder.path)/none.wav", "--output", page])
        #expect(run.status == 65, "\(run.errors)")
        let failures = try #require(try data(page).array).filter { $0["type"] == "failure" }
        #expect(failures.map { $0["code"] } == ["decode", "not_found", "format"], "\(failures)")
        let browser = try Browser("file://\(page)")
        try browser.wait("document.getElementById('failures')?.textContent === 'Files without a result'")
        let section = "document.getElementById('failures').parentElement"
        let cells = "[...\(section).querySelectorAll('tbody tr')].map((row) => row.cells[1].textContent)"
        let messages = try browser.evaluate("JSON.stringify(\(cells))").string ?? ""
        for text in ["<i>bad<|i>.wav: is ", "none.wav: No such file", "memo.m4a: libsndfile does not read this format"]
        {
            #expect(messages.contains(text), "\(messages)")
        }
        #expect(try browser.evaluate("document.querySelectorAll('.pictures').length") == 1)
        try browser.resize(width: 320, height: 700, isMobile: true)
        #expect(try browser.evaluate("document.documentElement.scrollWidth <= 320") == .bool(true))
        #expect(try Program.run(["report", "\(folder.path)/good.wav", "--output", page]).status == 0)
        #expect(try data(page).array?.count == 1)
    }

    /// On a phone lines end between words, and numbers keep their units.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func tablesOnAPhone() throws {
        let long = String(repeating: "0", count: 60)
        _ = try write(Sound.samples(640_000), "a_recording_with_a_long_name_20240501_\(long).wav")
        try folder.write(Array("text".utf8), to: "bad.wav")
        let run = try Program.run(
            ["report", folder.path, Self.recording, "--output", page, "--model", "environment", "--threshold", "0.05"])
        #expect(run.status == 65, "\(run.errors)")
        let browser = try Browser("file://\(page)")
        try browser.wait("document.querySelectorAll('.pictures').length === 2")
        for width in [320, 390, 1280] {
            try browser.resize(width: width, height: 800, isMobile: width < 600)
            #expect(try browser.evaluate("document.documentElement.scrollWidth <= \(width)") == .bool(true))
            let broken = try browser.brokenWords(in: ".report th, .report td")
            #expect(broken == "[]", "\(width) px: \(broken)")
            let units = try browser.evaluate(
                "[...document.querySelectorAll('.number')].filter((one) => one.clientHeight > 40 && one.clientWidth > 0"
                    + " && one.getClientRects().length > 1).length")
            #expect(units == 0, "\(width) px")
        }
    }

    /// The recording of a player can be anywhere beside the page.
    @Test func linksAreRelativeToThePage() throws {
        for name in ["pages", "sounds"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        let sound = try write(Sound.samples(16_000), "sounds/a: b.wav")
        let page = "\(folder.path)/pages/report.html"
        #expect(try Program.run(["report", sound, "--output", page, "--player", "link"]).status == 0)
        #expect(try data(page)[0]?["audio"] == "../sounds/a%3A%20b.wav")
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func picturesAreExplained() throws {
        let run = try Program.run(
            ["report", Self.recording, "--output", page, "--model", "general", "--threshold", "0.005"])
        #expect(run.status == 0, "\(run.errors)")
        let recording = try #require(try data(page)[0])
        let delay = try Program.onsetDelay(of: "general")
        #expect(recording["onset_delay"] == .number(delay) && recording["labels"]?.array?.count ?? 0 > 12)
        let browser = try Browser("file://\(page)")
        try browser.wait("document.querySelector('.legend .other') !== null")
        let key = try browser.evaluate("document.querySelector('.key').textContent").string ?? ""
        let seconds = delay == delay.rounded() ? "\(Int(delay))" : "\(delay)"
        #expect(key.contains("general usually notices a sound \(seconds) s after its beginning"))
        #expect(key.contains("Broken lines are curves"))
        let legend = try browser.evaluate("document.querySelector('.legend').textContent").string ?? ""
        // Twenty curves are drawn; the others are counted.
        let unnamed = (recording["labels"]?.array ?? []).compactMap(\.string).filter { !legend.contains($0) }
        #expect(unnamed.count == max(0, (recording["labels"]?.array?.count ?? 0) - 20))
        #expect(unnamed.isEmpty || key.contains("\(unnamed.count) less likely class"))
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func playerPicturesAndKeys() throws {
        let run = try Program.run(
            ["report", Self.recording, Self.recording, "--output", page, "--model", "keywords-en"])
        #expect(run.status == 0, "\(run.errors)")
        let browser = try Browser("file://\(page)")
        try browser.wait("document.querySelectorAll('.pictures').length === 2")
        try browser.wait("document.querySelector('audio').readyState >= 1")
        // The embedded audio is the whole recording.
        let duration = try browser.evaluate("document.querySelector('audio').duration").number ?? 0
        #expect(abs(duration - 1.48) < 0.01)
        let colours = try browser.evaluate(
            """
            [...document.querySelectorAll('canvas')].slice(0, 4).map((canvas) => new Set(
              canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size > 3).join()
            """)
        #expect(colours == "true,true,true,true")
        // The button of an event moves the player and the line in the pictures.
        let left = "parseFloat(document.querySelector('.cursor').style.left)"
        let before = try browser.evaluate(left).number ?? 0
        let label = "[...document.querySelectorAll('td')].some((cell) => cell.textContent === 'left')"
        #expect(try browser.evaluate(label) == .bool(true))
        _ = try browser.evaluate("document.querySelector('td button').click()")
        try browser.wait("document.querySelector('audio').currentTime > 0.5 && \(left) > \(before) + 50")
        try browser.wait("document.querySelector('.here').textContent.startsWith('0:00.')")
        // Keys: the pictures are a slider.
        let press = { (key: String) in
            try browser.evaluate(
                """
                document.querySelector('.pictures').dispatchEvent(
                  new KeyboardEvent('keydown', { key: '\(key)', bubbles: true, cancelable: true }))
                """)
        }
        let value = "document.querySelector('.pictures').getAttribute('aria-valuenow')"
        _ = try press("Home")
        try browser.wait("\(value) === '0.0'")
        _ = try press("ArrowRight")
        try browser.wait("\(value) === '1.0'")
        _ = try press("End")
        try browser.wait("\(value) === '1.5'")
        // Playing moves the line.
        _ = try press("Home")
        _ = try press(" ")
        try browser.wait("\(left) > \(before) + 100")

        // It fits on a phone, and every control has a name.
        try browser.resize(width: 320, height: 700, isMobile: true)
        #expect(try browser.evaluate("document.documentElement.scrollWidth <= 320") == .bool(true))
        let unnamed = try browser.evaluate(
            """
            [...document.querySelectorAll('select, button, audio, section, [role=slider], [role=region]')].filter(
              (one) => !(one.labels?.length || one.textContent.trim() || one.ariaLabel)).length
            """)
        #expect(unnamed == 0)
    }
}

extension JSONValue {
    fileprivate var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }

    /// The element of an array; nil beyond its end.
    fileprivate subscript(index: Int) -> JSONValue? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }
}
