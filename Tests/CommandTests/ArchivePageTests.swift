internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// The page of `report --archive`, as a file and in a real browser.
@Suite(.serialized) struct ArchivePageTests {
    private let folder: TemporaryDirectory
    private var page: String { "\(folder.path)/archive.html" }
    private var results: String { "\(folder.path)/results.jsonl" }
    /// 2026-05-01 04:30 UTC.
    private static let morning = 1_777_609_800

    /// Results of an hour from 4:30 on, of ten minutes at 5:00 on the next day, and of a recording without a time.
    private static let lines = [
        #"{"type":"summary","v":1,"file":"a.wav","seconds":3600,"top":[{"label":"Robin","p":0.9},"#
            + #"{"label":"Rain","p":0.4}],"time":\#(morning)}"#,
        #"{"type":"summary","v":1,"file":"b.wav","seconds":600,"top":[{"label":"Robin","p":0.8}],"#
            + #""time":\#(morning + 24 * 3600 + 1800)}"#,
        #"{"type":"error","v":1,"file":"d.wav","code":"decode","message":"is text"}"#,
        #"{"type":"summary","v":1,"file":"c.wav","seconds":100,"top":[{"label":"Rain","p":0.7}]}"#,
        #"{"type":"skipped","v":1,"file":"e.m4a","code":"format","message":"not read"}"#,
    ]

    init() throws { folder = try TemporaryDirectory() }

    private func write(_ lines: [String]) throws {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: results))
    }

    private func report(_ options: String...) throws -> Finished {
        try Program.run(
            ["report", "--archive", results, "--output", page] + options, environment: ["TZ": "UTC"])
    }

    private func data() throws -> JSONValue {
        let text = try String(contentsOfFile: page, encoding: .utf8)
        let start = try #require(text.firstRange(of: #"<script type="application/json" id="data">"#)?.upperBound)
        let end = try #require(text[start...].firstRange(of: "</script>")?.lowerBound)
        return try JSONDecoder().decode(JSONValue.self, from: Data(text[start..<end].utf8))
    }

    @Test func numbersAreThoseOfTheRows() throws {
        try write(Self.lines)
        let run = try report()
        #expect(run.status == 0, "\(run.errors)")
        let data = try data()
        #expect(data["files"] == 3 && data["seconds"] == 4300 && data["label_count"] == 2)
        let labels = try #require(data["labels"]?.array)
        #expect(labels.map { $0["label"] } == ["Robin", "Rain"])
        #expect(labels.map { $0["seconds"] } == [4200, 100] && labels.map { $0["count"] } == [2, 1])
        let examples = labels.map { $0["examples"]?.array ?? [] }
        #expect(examples[0].map { $0["file"] } == ["a.wav", "b.wav"])
        #expect(examples[1].map { $0["file"] } == ["c.wav", "a.wav"])
        #expect(examples[1].map { $0["p"] } == [0.7, 0.4])
        // An hour of the clock each: 4:30 to 5:00, 5:00 to 5:30, and 5:00 to 5:10 of the next day.
        #expect(data["map"] == "calendar" && data["map_unit"] == 1 && data["map_columns"]?.array?.count == 2)
        let all = try #require(data["maps"]?.array?.first)
        #expect(all["label"] == .null)
        #expect(all["cells"] == .array([4, 5, 29]) && all["seconds"] == .array([1800, 1800, 600]))
        #expect(data["timeless_seconds"] == 100)
        #expect(data["reasons"]?.array?.count == 2 && data["remarks"]?.array?.first?["file"] == "d.wav")

        #expect(try report("--threshold", "0.85").status == 0)
        let sure = try self.data()
        #expect(sure["label_count"] == 1 && sure["labels"]?.array?.first?["seconds"] == 3600)
        #expect(sure["seconds"] == 4300)
    }

    @Test func resultsWithoutTimesAreInTheirOrder() throws {
        let rows = (0..<1000).map {
            #"{"type":"window","v":1,"file":"\#($0 / 2).wav","t0":\#($0 % 2),"t1":\#($0 % 2 + 1),"top":"#
                + #"[{"label":"\#($0 < 800 ? "first" : "last")","p":0.5}]}"#
        }
        try write(rows)
        #expect(try report().status == 0)
        let data = try data()
        // 500 files in 200 columns at most: four a column.
        #expect(data["files"] == 500 && data["map"] == "order" && data["map_unit"] == 4)
        #expect(data["map_columns"]?.array?.count == 125)
        let last = try #require(data["maps"]?.array?.first { $0["label"] == "last" })
        #expect(last["seconds"]?.array?.compactMap(\.number).reduce(0, +) == 200)
        #expect(last["cells"]?.array?.first == 2400)
    }

    @Test func damagedAndMixedResults() throws {
        try write(Self.lines + [#"{"type":"summary","v":1,"file":"x"#, #"{"type":"summary","file":"y","seconds":-1}"#])
        let damaged = try report()
        #expect(damaged.status == 65 && damaged.errors.contains("results.jsonl:6"))
        #expect(try data()["damaged_lines"] == 2 && data()["files"] == 3)
        let event = #"{"type":"event","v":1,"phase":"end","stream":"a","label":"Rain","t0":0,"t1":1,"p_max":0.5}"#
        try write(Self.lines + [event])
        let mixed = try report()
        #expect(mixed.status == 65 && mixed.errors.contains("results.jsonl:6") && mixed.errors.contains("twice"))
        try write(["no results"])
        let none = try report()
        #expect(none.status == 65 && none.errors.contains("no results of classify"))
        try write([#"{"type":"frame","v":1,"stream":"a","t":1,"top":[]}"#])
        #expect(try report().errors.contains("--emit events"))
        #expect(try Program.run(["report", "--archive", "\(folder.path)/none", "--output", page]).status == 66)
        #expect(try Program.run(["report", results, "--examples", folder.path, "--output", page]).status == 64)
    }

    /// The totals of any number of rows, labels and days have bounded size, and lose no second.
    @Test func totalsAreBounded() throws {
        var totals = ArchiveTotals(threshold: 0)
        var generator = SplitMix64(seed: 7)
        let rows = 100_000
        for index in 0..<rows {
            let line =
                #"{"type":"summary","v":1,"file":"\#(index).wav","seconds":60,"top":[{"label":"#
                + #""label \#(generator.next() % 20_000)","p":0.5}],"time":\#(generator.next() % 1_000_000_000),"#
                + #""warnings":["odd"]}"#
            try totals.add(try #require(ArchiveRow(Array(line.utf8)[...])))
            try totals.add(.failure(file: "x", code: "\(index)", message: "", isSkipped: false))
        }
        #expect(totals.files == rows && totals.seconds == Double(60 * rows))
        #expect(totals.labels.count <= ArchiveTotals.labelLimit + 1)
        // Many warnings leave room for failures.
        for isUsed in [true, false] {
            let count = totals.remarks.count { ($0.outcome == .used) == isUsed }
            #expect(count == ArchiveTotals.remarkLimit)
        }
        for cells in [totals.calendar, totals.order] {
            #expect(cells.positions.count <= 400 && cells.seconds.reduce(0) { $0 + $1.count } <= 150_000)
            // All sound, and again by label.
            let sums = cells.seconds.map { $0.values.reduce(0, +) }
            #expect(abs(sums[0] - totals.seconds) < 1e-3)
            #expect(abs(sums.dropFirst().reduce(0, +) - totals.seconds) < 1e-3)
        }
    }

    /// One class more than the table shows at first is one class.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func oneFurtherClass() throws {
        try write(
            (1...16).map {
                #"{"type":"summary","v":1,"file":"\#($0).wav","seconds":9,"top":[{"label":"class \#($0)","p":0.9}]}"#
            })
        #expect(try report().status == 0)
        let browser = try Browser("file://\(page)")
        try browser.wait("document.querySelector('button.more')?.textContent === 'Show 1 more class'")
    }

    /// The names of classes break between words on a phone, however narrow, and a word that fits no line is cut.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func classesOnAPhone() throws {
        let names = ["Accelerating, revving, vroom", "Reverberation", "Electronic dance music", "Heavy metal"]
        let longest = String(repeating: "x", count: 200)
        try write(
            (names + [longest]).map {
                #"{"type":"summary","v":1,"file":"\#($0).wav","seconds":36000,"top":[{"label":"\#($0)","p":0.9}]}"#
            })
        #expect(try report().status == 0)
        let browser = try Browser("file://\(page)")
        try browser.wait("document.querySelectorAll('.labels tbody tr').length === 5")
        for width in [320, 390] {
            try browser.resize(width: width, height: 800, isMobile: true)
            #expect(try browser.evaluate("document.documentElement.scrollWidth <= \(width)") == .bool(true))
            let broken = try browser.brokenWords(in: ".labels td button")
            #expect(broken == "[\"\(longest.prefix(20))\"]", "\(width) px: \(broken)")
        }
    }

    /// On a phone lines end between words, and the bars of the hours have a line of their own.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func tablesOnAPhone() throws {
        let names = ["crackling_fire", "Reverberation", "washing_machine", "Change ringing (campanology)"]
        let path = "archive/2024/A_station_with_a_long_name_20240501_\(String(repeating: "0", count: 60)).wav"
        try write(
            names.enumerated().map {
                #"{"type":"summary","v":1,"file":"\#(path)","seconds":\#(36000 / ($0 + 1)),"#
                    + #""top":[{"label":"\#($1)","p":0.9}],"time":\#(Self.morning)}"#
            } + [
                #"{"type":"error","v":1,"file":"\#(path)","code":"decode","message":"\#(path): is text"}"#,
                #"{"type":"skipped","v":1,"file":"e.m4a","code":"converted","message":"not read"}"#,
            ])
        #expect(try report().status == 0)
        let browser = try Browser("file://\(page)")
        try browser.wait("document.querySelectorAll('.labels tbody tr').length === 4")
        for width in [320, 390, 1280] {
            try browser.resize(width: width, height: 800, isMobile: width < 600)
            #expect(try browser.evaluate("document.documentElement.scrollWidth <= \(width)") == .bool(true))
            let broken = try browser.brokenWords(in: ".report th, .report td, .report dd, .report dt")
            #expect(broken == "[]", "\(width) px: \(broken)")
            let bars = try browser.evaluate(
                "[...document.querySelectorAll('.bar')].map((one) => one.clientWidth).filter((width) => width)"
            ).elements.compactMap(\.number)
            #expect(bars.count == 4 && bars[0] >= 60 && abs(bars[1] - bars[0] / 2) < 2, "\(width) px: \(bars)")
            // Whole tables are seen without scrolling sideways.
            let wide = try browser.evaluate(
                "[...document.querySelectorAll('.labels, .examples .scroll')].filter("
                    + "(one) => one.scrollWidth > one.clientWidth).length")
            #expect(wide == 0 || width < 390, "\(width) px")
        }
    }

    /// A page in another folder than the recordings', and than the present one, has their players; others are named.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func pageInAnotherFolder() throws {
        for name in ["recordings", "pages/of archives"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(
            atPath: Browser.recording, toPath: "\(folder.path)/recordings/a #1? 50 %, ä.wav")
        // Names as classify writes them that runs in the folder of the results.
        try write(
            ["recordings/a #1? 50 %, ä.wav", "recordings/gone.wav"].map {
                #"{"type":"summary","v":1,"file":"\#($0)","seconds":1.4,"top":[{"label":"\#($0)","p":0.9}]}"#
            })
        let page = "\(folder.path)/pages/of archives/archive.html"
        let run = try Program.run(["report", "--archive", results, "--output", page])
        #expect(run.status == 0 && run.errors.contains("1 of 2, the first is recordings/gone.wav"), "\(run.errors)")
        let browser = try Browser("file://\(page)".replacing(" ", with: "%20"))
        try browser.wait("document.querySelectorAll('.labels tbody tr').length === 2")
        let text = try browser.evaluate("document.querySelector('#examples').parentElement.innerText").string ?? ""
        #expect(text.contains("1 of 2 recordings were not found") && text.contains("gone.wav (not found)"), "\(text)")
        let link = try browser.evaluate("document.querySelector('.examples a').getAttribute('href')")
        #expect(link == "../../recordings/a%20%231%3F%2050%20%25%2C%20%C3%A4.wav")
        _ = try browser.evaluate("document.querySelector('.examples td button').click()")
        try browser.wait("document.querySelector('audio').currentTime > 0.2")
    }

    /// A recording with a result and warnings is beside the failures, and not among them.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func cutRecordingsInABrowser() throws {
        let cut = #"{"type":"summary","v":1,"file":"cut.wav","seconds":9,"top":[],"warnings":["cut.wav is cut: x"]}"#
        let odd = #"{"type":"summary","v":1,"file":"odd.mp3","seconds":9,"top":[],"warnings":["odd.mp3: junk"]}"#
        try write(Self.lines + [cut, odd])
        #expect(try report().status == 0)
        let browser = try Browser("file://\(page)")
        try browser.wait(
            "document.getElementById('failures')?.textContent === 'Files without a result or with warnings'")
        let cells = "[...one.cells].map((cell) => cell.textContent).join('\\t')"
        let rows = "[...document.querySelectorAll('.lost tbody tr')].map((one) => \(cells))"
        for text in [
            "cut\\twith a result\\t1", "warning\\twith a result\\t1", "decode\\tfailed\\t1",
            "cut.wav\\twith a result\\tcut.wav is cut: x",
        ] {
            #expect(try browser.evaluate("\(rows).includes('\(text)')") == .bool(true), "\(text)")
        }
        let facts = try browser.evaluate("document.querySelector('.facts').textContent").string ?? ""
        #expect(facts.hasSuffix("Failed1Skipped1Cut1"), "\(facts)")
        try write([cut])
        #expect(try report().status == 0)
        let other = try Browser("file://\(page)")
        try other.wait("document.getElementById('failures')?.textContent === 'Files with warnings'")
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func pageOfEventsInABrowser() throws {
        let hostile = "<script>alert(1)</script>"
        let recording = "\(folder.path)/\(hostile.replacing("/", with: "|"))\n1777609800.wav"
        try FileManager.default.copyItem(atPath: Browser.recording, toPath: recording)
        let classified = try Program.run(
            ["classify", recording, "--emit", "events", "--model", "keywords-en", "--output", results])
        #expect(classified.status == 0, "\(classified.errors)")
        let more = #"{"type":"event","v":1,"phase":"end","stream":"b","label":"\#(hostile)","t0":0,"t1":9,"p_max":1}"#
        let text = try String(contentsOfFile: results, encoding: .utf8)
        try Data((text + more + "\n").utf8).write(to: URL(filePath: results))
        let run = try report("--examples", "\(folder.path)/examples", "--model", "keywords-en")
        #expect(run.status == 0, "\(run.errors)")
        let data = try data()
        #expect(data["files"] == 1 && abs((data["seconds"]?.number ?? 0) - 1.48) < 0.2)
        #expect(try !String(contentsOfFile: page, encoding: .utf8).contains("<script>alert"))

        let browser = try Browser("file://\(page)")
        try browser.wait("document.querySelectorAll('.labels tbody tr').length >= 2")
        #expect(try browser.evaluate("document.body.innerText.includes('\(hostile)')") == .bool(true))
        // A label's button chooses its map and examples, the player finds the file, and the link its report.
        let left = "[...document.querySelectorAll('.labels button')].find((one) => one.textContent === 'left')"
        _ = try browser.evaluate("\(left).click()")
        #expect(try browser.evaluate("\(left).ariaPressed") == "true")
        #expect(try browser.evaluate("document.querySelector('select').value") == "left")
        try browser.wait("document.querySelector('.here').textContent.endsWith('of left')")
        _ = try browser.evaluate("document.querySelector('.examples td button').click()")
        try browser.wait("document.querySelector('audio').currentTime > 0.5")
        // The arrow keys stay in the map, which has one cell.
        _ = try browser.evaluate(
            """
            document.querySelector('.map').dispatchEvent(
              new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }))
            """)
        #expect(try browser.evaluate("document.querySelectorAll('.map td.here').length") == 1)
        let address = try browser.evaluate("document.querySelector('.examples a[href*=\"#t=\"]').href")
        let link = try #require(address.string)
        try browser.resize(width: 320, height: 700, isMobile: true)
        #expect(try browser.evaluate("document.documentElement.scrollWidth <= 320") == .bool(true))
        let unnamed = try browser.evaluate(
            """
            [...document.querySelectorAll('select, button, audio, section, [role=region], [role=group]')].filter(
              (one) => !(one.labels?.length || one.textContent.trim() || one.ariaLabel)).length
            """)
        #expect(unnamed == 0)
        let report = try Browser(link)
        try report.wait("document.querySelector('.pictures')?.ariaValueNow > 0.1")
    }
}

extension JSONValue {
    fileprivate var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
}
