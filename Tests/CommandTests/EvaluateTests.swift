internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// `evaluate` as a process: data of all kinds in, results that agree with `classify` out.
@Suite struct EvaluateTests {
    private let folder: TemporaryDirectory
    /// Rules with many events in the synthetic recordings.
    private let lively = ["--threshold", "0.05", "--threshold-off", "0.02", "--min-duration-ms", "40"]

    init() throws { folder = try TemporaryDirectory() }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func write(_ text: String, _ name: String) throws { try folder.write(Array(text.utf8), to: name) }

    private func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    }

    private func record(_ name: String, seed: UInt64, seconds: Int = 3) throws {
        try folder.write(WaveFile(Sound.samples(16000 * seconds, seed: seed)).bytes, to: name)
    }

    private func evaluate(_ arguments: [String], status: Int32 = 0) throws -> JSONValue {
        let finished = try Program.run(["evaluate"] + arguments + ["--format", "json"])
        #expect(finished.status == status, "\(arguments): \(finished.errors)")
        return try #require(try finished.records().first)
    }

    private func measures(_ result: JSONValue, _ label: String) throws -> JSONValue {
        try #require(result["per_class"]?.elements.first { $0["label"]?.string == label })
    }

    // MARK: Recordings with labels

    /// Spoken words of a Debian package in a folder for each word.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: Browser.recording))) func foldersOfLabels() throws {
        var expected: [String: [String: Double]] = [:]
        for (label, word) in [("left", "Left"), ("right", "Right")] {
            try makeFolder("words/\(label)")
            for side in ["Front", "Rear", "Side"] {
                let name = "words/\(label)/\(side).wav"
                try FileManager.default.copyItem(
                    atPath: "/usr/share/sounds/alsa/\(side)_\(word).wav", toPath: path(name))
                let summary = try Program.run(["classify", path(name), "--top-k", "12"]).records("summary")
                expected[path(name)] = summary.first?.topProbabilities
            }
        }
        try write("no audio", "words/right/bad.wav")
        let result = try evaluate([path("words")], status: 65)
        #expect(result["recordings"] == 6 && result["timed"] == .bool(false))
        let rows = result["predictions"]?.elements ?? []
        #expect(rows.count == 6)
        var right: [String: Int] = [:]
        for row in rows {
            let file = try #require(row["file"]?.string)
            let given = try #require(row["given"]?.elements.first?.string)
            let best = expected[file]?.max { $0.value < $1.value }
            #expect(row["predicted"]?.string == best?.key && row["probability"]?.number == best?.value)
            #expect(row["probability_of_given"]?.number == expected[file]?[given])
            if best?.key == given { right[given, default: 0] += 1 }
        }
        let accuracy = Double(right.values.reduce(0, +)) / 6
        #expect(abs((result["first_label"]?["accuracy"]?.number ?? -1) - accuracy) < 1e-6)
        for label in ["left", "right"] {
            let measures = try measures(result, label)
            #expect(measures["given"] == 3 && measures["right"]?.number == Double(right[label] ?? 0))
        }
        let failures = result["failures"]?.elements ?? []
        #expect(failures.map { $0["file"] } == [.string(path("words/right/bad.wav"))])
        #expect(failures.first?["code"] == "decode")
    }

    /// A table names some recordings; no others are read.
    @Test func tablesNameTheRecordings() throws {
        try makeFolder("audio")
        for seed in 1...3 { try record("audio/\(seed), a.wav", seed: UInt64(seed), seconds: 1) }
        try write("no audio", "audio/other.wav")
        let table = "fold;filename;category\r\n1;\"1, a.wav\";yes|no\r\n2;\"2, a.wav\";\r\n3;gone.wav;no\r\n"
        try write("\u{FEFF}" + table, "table.csv")
        let result = try evaluate(
            [path("table.csv"), "--audio", path("audio"), "--separator", "|"], status: 65)
        #expect(result["recordings"] == 2 && result["classification"]?["reported_by"] == "threshold")
        let given = (result["predictions"]?.elements ?? []).map { $0["given"]?.elements.compactMap(\.string) ?? [] }
        #expect(given.contains([]) && given.contains { Set($0) == ["yes", "no"] })
        #expect(result["failures"]?.elements.first?["file"]?.string == path("audio/gone.wav"))
        #expect(try measures(result, "no")["given"] == 1)
        // What nothing is labelled in counts for false events.
        #expect(result["false_events"]?["hours_without_labels"]?.number == (1.0 / 3600 * 1e6).rounded() / 1e6)
    }

    /// A more exact first label counts for the label of the data above it: pink or white noise for noise.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: Browser.recording))) func labelsAboveTheFirst() throws {
        let noise = "/usr/share/sounds/alsa/Noise.wav"
        let options = ["--model", "general"]
        let first = try Program.run(["classify", noise] + options).records("summary").first?.topLabels.first
        #expect(["Pink noise", "White noise"].contains(first))
        try write("filename,label\n\(noise),Noise\n", "table.csv")
        let result = try evaluate([path("table.csv")] + options)
        let numbers = ["right", "exact", "related"].map { result["first_label"]?[$0]?.number }
        #expect(numbers == [1, 0, 1])
        #expect(result["confusion"]?["counts"] == .array([.array([1])]))
        #expect(result["predictions"]?.elements.first?["predicted"] == "Noise")
    }

    // MARK: Labels with times

    /// What the program itself has written is read back: every event is right, and in every segment.
    @Test(arguments: ["audacity", "raven"]) func itsOwnLabelFiles(format: String) throws {
        try makeFolder("own")
        for seed in 1...2 { try record("own/\(seed) كلب.wav", seed: UInt64(seed)) }
        let written = try Program.run(["classify", path("own"), "--format", format, "--beside"] + lively)
        #expect(written.status == 0, "\(written.errors)")
        let result = try evaluate([path("own")] + lively)
        #expect(result["timed"] == .bool(true) && result["recordings"] == 2)
        for kind in ["event_based", "segment_based"] {
            let micro = result[kind]?["micro"]
            #expect(micro?["f1"] == 1 && (micro?["given"]?.number ?? 0) > 2, "\(kind)")
        }
        #expect(result["false_events"]?["events"] == 0)
        #expect(result["delay"]?["found"] == result["delay"]?["given"])
    }

    /// One table of Raven for several recordings: times are those in each file.
    @Test func ravenTableOfSeveralRecordings() throws {
        try makeFolder("own")
        for seed in 1...2 { try record("own/\(seed).wav", seed: UInt64(seed)) }
        let table = path("all.selections.txt")
        let written = try Program.run(
            ["classify", path("own"), "--format", "raven", "--output", table] + lively)
        #expect(written.status == 0, "\(written.errors)")
        let result = try evaluate([table] + lively)
        #expect(result["event_based"]?["micro"]?["f1"] == 1 && result["recordings"] == 2)
    }

    /// Labels that are moved by 150 ms, lengthened by 1 s, or absent, against counts by hand.
    @Test func collarAndOnsets() throws {
        try record("a.wav", seed: 1, seconds: 6)
        let events = try Program.run(["classify", path("a.wav"), "--emit", "events"] + lively).records("event")
            .filter { $0["phase"] == "end" }
        let first = try #require(events.first { ($0["t0"]?.number ?? 0) > 0.3 })
        let (start, end) = (first["t0"]?.number ?? 0, first["t1"]?.number ?? 0)
        let label = first["label"]?.string ?? ""
        let row = "a.wav,\(start - 0.15),\(end + 3 * (end - start) + 1),\(label)\n"
        try write("filename,onset,offset,event_label\n" + row, "labels.csv")
        func right(_ options: [String]) throws -> JSONValue? {
            try evaluate([path("labels.csv"), "--allow", label] + lively + options)["event_based"]?["micro"]?["right"]
        }
        #expect(try right(["--onset-only"]) == 1)
        #expect(try right([]) == 0, "the end is wrong")
        #expect(try right(["--onset-only", "--collar-ms", "100"]) == 0, "the beginning is wrong")
    }

    /// Labels may end behind the recording; those that begin there are named.
    @Test(arguments: [("0.5,9", false), ("1.5,2", true), ("100,200", true)])
    func labelsBehindTheEnd(times: String, isNamed: Bool) throws {
        try record("a.wav", seed: 1, seconds: 1)
        try write("filename,onset,offset,label\na.wav,\(times),yes\n", "labels.csv")
        let finished = try Program.run(["evaluate", path("labels.csv")] + lively)
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(
            finished.errors.contains("1 label begins behind the end of its recording") == isNamed, "\(finished.errors)")
    }

    /// Names reach a terminal as text, whatever they contain. A word with a wrong label is listed by its name.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: Browser.recording)))
    func namesHaveNoControlCharacters() throws {
        try makeFolder("data/yes")
        try FileManager.default.copyItem(atPath: Browser.recording, toPath: path("data/yes/a\u{1B}[2J.wav"))
        let finished = try Program.run(["evaluate", path("data")])
        #expect(finished.status == 0 && finished.output.contains("a\u{FFFD}[2J.wav"), "\(finished.output)")
        #expect(!finished.output.contains("\u{1B}"))
    }

    /// A FIFO beside a recording holds no labels, and is not waited for.
    @Test func labelsInAFIFO() throws {
        try makeFolder("own")
        try record("own/a.wav", seed: 1, seconds: 1)
        try #require(unsafe mkfifo(path("own/a.txt"), 0o600) == 0)
        let finished = try Program.run(["evaluate", path("own")])
        #expect(finished.status == 65 && finished.errors.contains("the recordings have no labels"))
    }

    /// The first signal ends the wait for a table. SIGINT would do so too, unless the tests' shell has it ignored.
    @Test func signalEndsTheWaitForATable() throws {
        try #require(unsafe mkfifo(path("labels.csv"), 0o600) == 0)
        let child = try ChildProcess(["evaluate", path("labels.csv")])
        usleep(500_000)
        child.send(signal: SIGTERM)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == -SIGTERM && finished.output.isEmpty, "\(finished)")
    }

    // MARK: Outputs

    @Test func thresholdsAreReadByServe() throws {
        try makeFolder("data/yes")
        try makeFolder("data/no")
        try record("data/yes/1.wav", seed: 1)
        try record("data/no/1.wav", seed: 2)
        let configuration = path("thresholds.yaml")
        let finished = try Program.run(
            [
                "evaluate", path("data"), "--false-events-per-hour", "0", "--write-config", configuration,
                "--max-gap-ms", "77", "--output", path("out.json"), "--format", "json",
            ] + lively)
        #expect(finished.status == 0 && finished.output == "", "\(finished.errors)")
        #expect(finished.errors.contains("no false event at all is allowed"))
        let result = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: URL(filePath: path("out.json"))))
        let chosen = try #require(result["chosen_thresholds"]?["labels"]?.elements)
        #expect(chosen.count == 10, "the labels that are events")
        let printed = try Program.run(["serve", "--print-config", "--config", configuration])
        #expect(printed.status == 0, "\(printed.errors)")
        let changed = chosen.filter { $0["threshold"]?.number != 0.05 }
        #expect(!changed.isEmpty, "some label is reported of the other's recording")
        let line = try #require(printed.lines.first { $0.contains("class_thresholds:") })
        for choice in changed {
            let text = "\(JSONWriter.quoted(choice["label"]?.string ?? "")): \(choice["threshold"]?.number ?? -1)"
            #expect(line.contains(text), "\(text) in \(line)")
        }
        #expect(printed.output.contains("max_gap_ms: 77"))
        // The result marks the labels that the configuration has, and no other.
        #expect(chosen.allSatisfy { $0["present_threshold"] == 0.05 })
        #expect(chosen.filter { $0["changed"] == .bool(true) } == changed)
        let written = try String(contentsOfFile: configuration, encoding: .utf8)
        for choice in chosen {
            let key = "      \(JSONWriter.quoted(choice["label"]?.string ?? "")): "
            #expect(written.contains(key) == (choice["changed"] == .bool(true)), "\(key)")
        }
        let table = try Program.run(
            ["evaluate", path("data"), "--false-events-per-hour", "0", "--max-gap-ms", "77"] + lively)
        let start = try #require(table.lines.firstIndex { $0.hasPrefix("thresholds for 0 false events an hour") })
        let marked = table.lines[start...].filter { $0.hasSuffix("  yes") }
        #expect(table.lines[start].hasSuffix("changed") && marked.count == changed.count, "\(table.output)")
        // With these thresholds the data has no false event.
        let again = try evaluate(
            [path("data"), "--max-gap-ms", "77"] + lively
                + chosen.flatMap {
                    ["--class-threshold", "\($0["label"]?.string ?? "")=\($0["threshold"]?.number ?? 0)"]
                })
        for row in again["per_class"]?.elements ?? [] {
            #expect(row["false_events"] == nil || row["false_events"] == 0, "\(row)")
        }
    }

    @Test func predictionsAsCSV() throws {
        try makeFolder("data/yes")
        try record("data/yes/a, b.wav", seed: 1)
        try write("no audio", "data/yes/bad.wav")
        let table = path("predictions.csv")
        let finished = try Program.run(["evaluate", path("data"), "--predictions", table])
        #expect(finished.status == 65)
        #expect(finished.output.contains("accuracy") && finished.output.contains("failed recordings"))
        let rows = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n")
        #expect(rows.first == "filename,given,predicted,probability,probability_of_given,seconds,error")
        #expect(rows.count == 3 && rows[1].hasPrefix("\"\(path("data/yes/a, b.wav"))\",yes,"))
        #expect(rows[2].hasPrefix("\(path("data/yes/bad.wav")),yes,,,,,") && rows[2].contains("decode: "))
    }

    /// The configuration says which command it is from, and what it was measured with.
    @Test func thresholdsNameTheirCommand() throws {
        try makeFolder("my data/yes")
        try record("my data/yes/1.wav", seed: 1)
        let finished = try Program.run(
            [
                "evaluate", path("my data"), "--false-events-per-hour", "2", "--write-config", path("x.yaml"),
                "--model",
                "keywords-en",
            ])
        #expect(finished.status == 0, "\(finished.errors)")
        let text = try String(contentsOfFile: path("x.yaml"), encoding: .utf8)
        #expect(
            text.contains(
                "# audio-classifierd evaluate '\(path("my data"))' --false-events-per-hour 2 --write-config "
                    + "\(path("x.yaml")) --model keywords-en\n"), "\(text)")
    }

    // MARK: Wrong data

    /// Of two columns with one meaning, the one that is read is named.
    @Test func columnsOfOneMeaning() throws {
        try record("a.wav", seed: 1, seconds: 1)
        try write("category,filename,label\nhum,a.wav,yes\n", "table.csv")
        let finished = try Program.run(["evaluate", path("table.csv"), "--format", "json"])
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(
            finished.errors.contains("\(path("table.csv")): the column \"label\" is read, and not \"category\""),
            "\(finished.errors)")
        try write("filename,category\na.wav,yes\n", "table.csv")
        #expect(try !Program.run(["evaluate", path("table.csv")]).errors.contains("the column"))
    }

    /// A note beside a recording is no file of labels, and the message says what one is.
    @Test(arguments: ["Wind in the afternoon.\n", "Dusk, light rain\nsecond line\n"])
    func noteBesideARecording(text: String) throws {
        try record("a.wav", seed: 1, seconds: 1)
        try write(text, "a.txt")
        let finished = try Program.run(["evaluate", folder.path])
        #expect(finished.status == 65)
        for words in ["a.txt:1: ", "no file of labels", "beginning, end and label", "onset, offset", "another name"] {
            #expect(finished.errors.contains(words), "\(finished.errors)")
        }
    }

    @Test func unknownLabelsAreNamed() throws {
        for name in ["yess", "YES", "hum"] {
            try makeFolder("data/\(name)")
            try record("data/\(name)/1.wav", seed: 1, seconds: 1)
        }
        let refused = try Program.run(["evaluate", path("data")])
        #expect(refused.status == 65 && refused.output == "")
        #expect(refused.errors.contains("\"yess\" (\"yes\"?)") && refused.errors.contains("\"hum\""))
        #expect(!refused.errors.contains("\"YES\""), "another case is no other label")
        let result = try evaluate([path("data"), "--rename", "yess=yes", "--rename", "hum="])
        #expect(try measures(result, "yes")["given"] == 2 && result["recordings"] == 3)
        let wrong = try Program.run(["evaluate", path("data"), "--rename", "yess=yed"])
        #expect(wrong.status == 64 && wrong.errors.contains("did you mean \"yes\""))
    }

    @Test func faultsOfTablesHaveTheirLine() throws {
        try record("a.wav", seed: 1, seconds: 1)
        let cases = [
            ("", "1: the table is empty"), ("a,b\nc,d\n", "1: the columns are \"a\", \"b\""),
            ("filename,label\n", "1: the table has no rows"),
            ("filename,label\na.wav,yes,no\n", "2: 3 fields"), ("filename,label\n,yes\n", "2: there is no name"),
            ("filename,label,onset\na.wav,yes,1\n", "1: there is no column offset"),
            ("filename,label,onset,offset\na.wav,yes,0,1\na.wav,yes,3,2\n", "3: \"3\" to \"2\" is no time"),
            ("filename,label,onset,offset\na.wav,yes,nan,1\n", "2: \"nan\" to \"1\" is no time"),
            ("filename,label,onset,offset\na.wav,yes,0x0,0x1\n", "2: \"0x0\" to \"0x1\" is no time"),
            ("filename,label\n\"a.wav,yes\n", "2: a quote"),
            ("filename,label\na.wav,y\0s\n", "2: there is a zero byte"),
        ]
        for (text, message) in cases {
            try write(text, "table.csv")
            let finished = try Program.run(["evaluate", path("table.csv")])
            #expect(finished.status == 65, "\(text)")
            #expect(finished.errors.contains("\(path("table.csv")):\(message)"), "\(text): \(finished.errors)")
        }
        try folder.write([0xFF, 0xFE, 0x00], to: "table.csv")
        #expect(try Program.run(["evaluate", path("table.csv")]).errors.contains("is not text in UTF-8"))
    }

    @Test func nothingToEvaluate() throws {
        try makeFolder("empty")
        let empty = try Program.run(["evaluate", path("empty")])
        #expect(empty.status == 66 && empty.errors.contains("there is no audio file there"))
        let missing = try Program.run(["evaluate", path("none.csv")])
        #expect(missing.status == 66 && missing.errors.contains("none.csv"))
        try record("empty/a.wav", seed: 1, seconds: 1)
        let flat = try Program.run(["evaluate", path("empty")])
        #expect(flat.status == 65 && flat.errors.contains("the recordings have no labels"))
        try write("filename,label\ngone.wav,yes\n", "table.csv")
        let gone = try Program.run(["evaluate", path("table.csv")])
        #expect(gone.status == 66 && gone.output == "" && gone.errors.contains("gone.wav"))
        let alone = try Program.run(["evaluate", path("table.csv"), "--write-config", path("x.yaml")])
        #expect(alone.status == 64 && alone.errors.contains("--false-events-per-hour"))
        let over = try Program.run(["evaluate", path("table.csv"), "--output", path("table.csv")])
        #expect(over.status == 64 && over.errors.contains("would overwrite"))
        let twice = try Program.run(
            ["evaluate", path("table.csv"), "--output", path("x.svg"), "--plot", path("./x.svg")])
        #expect(twice.status == 64 && twice.errors.contains("is the file of --output, too"))
    }

    /// A file of labels that cannot be read is a failure beside the others; a recording without one is left out.
    @Test func faultyLabelFiles() throws {
        for name in ["good", "bad", "none"] { try record("\(name).wav", seed: 1, seconds: 1) }
        try write("0.1\t0.5\tyes\n\\\t100\t200\n\n0.7\t0.7\tno\n", "good.txt")
        try write("0.1\tlater\tyes\n", "bad.txt")
        let finished = try Program.run(["evaluate", folder.path, "--format", "json"])
        #expect(finished.status == 65)
        #expect(finished.errors.contains("\(path("bad.txt")):1: \"0.1\" to \"later\" is no time"))
        #expect(finished.errors.contains("1 recording without a file of labels was left out"), "\(finished.errors)")
        let result = try #require(try finished.records().first)
        #expect(result["recordings"] == 1 && result["delay"]?["given"] == 2)
    }
}
