internal import StrictCoding
internal import TestSupport
internal import Testing

/// The records of a stream, and their forms.
@Suite struct OutputTests {
    private let folder: TemporaryDirectory
    private let recording: String

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(WaveFile(Sound.samples(32000)).bytes, to: "a.wav")
        recording = "\(folder.path)/a.wav"
    }

    private func run(_ arguments: String..., command: String = "run") throws -> Finished {
        let finished = try Program.run([command, recording] + arguments)
        #expect(finished.status == 0, "\(finished.errors)")
        return finished
    }

    private func fields(_ line: String, _ separator: Character) -> [String] {
        line.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }

    @Test func streamBeginsAndEnds() throws {
        let records = try run().records()
        let start = try #require(records.first)
        #expect(start["type"] == "start" && start["v"] == 1 && start["stream"] == "audio")
        #expect(start["file"] == .string(recording))
        #expect(start["rate"] == 16000 && start["hop"] == 640 && start["model"] == "keywords-en")
        #expect(start["model_sha256"]?.string?.count == 64 && start["labels"] == 12)
        let end = try #require(records.last)
        #expect(end["type"] == "end" && end["frames"] == 49 && end["dropped"] == 0)
        #expect(records.dropFirst().dropLast().allSatisfy { $0["type"] == "frame" })
        for (index, frame) in records.dropFirst().dropLast().enumerated() {
            #expect(frame["frame"] == .number(Double(index)))
            #expect(frame["sample"] == .number(Double(880 + 640 * index)))
            let time = try #require(frame["t"]?.number)
            #expect(abs(time - Double(880 + 640 * index) / 16000) < 1e-6)
            #expect(frame["warm"] == .bool(index >= 24))
            let scores = frame["top"]?.elements.compactMap { $0["p"]?.number } ?? []
            #expect(scores.count == 3 && scores == scores.sorted(by: >) && scores.allSatisfy { (0...1).contains($0) })
            let level = try #require(frame["dbfs"]?.number)
            #expect((-60 ... -5).contains(level))
        }
    }

    /// The first prediction of keywords-en needs 880 samples; a recording of fewer says why its list is empty.
    @Test(arguments: [879, 880]) func recordingWithoutAPredictionSaysWhy(samples: Int) throws {
        try folder.write(WaveFile(Sound.samples(samples)).bytes, to: "short.wav")
        let finished = try Program.run(["classify", "\(folder.path)/short.wav"])
        let record = try #require(try finished.records().first)
        #expect(finished.status == 0 && record["top"]?.elements.isEmpty == (samples < 880))
        let warning =
            "\(folder.path)/short.wav has 879 samples at 16000 Hz, too few for a prediction of keywords-en; "
            + "add silence at its end"
        #expect(record["warnings"]?.elements.compactMap(\.string) == (samples < 880 ? [warning] : nil))
        #expect(finished.errors.contains(warning) == (samples < 880))
    }

    @Test func sourceNameIsEverywhere() throws {
        let name = "mic \"0\", كلب"
        let always = ["--threshold", "1e-9", "--threshold-off", "1e-9", "--emit", "events", "--source-name", name]
        let records = try Program.run(["run", recording] + always).records()
        #expect(records.count > 3 && records.allSatisfy { $0["stream"] == .string(name) })
        for record in records where record["type"] == "event" {
            let label = try #require(record["label"]?.string)
            #expect(record["id"] == .string("\(name)-880-\(label)"))
        }
        let frames = try run("--emit", "frames", "--source-name", name, command: "classify").records()
        #expect(frames.allSatisfy { $0["stream"] == .string(name) })
        #expect(frames.filter { $0["type"] == "frame" }.allSatisfy { $0["file"] == .string(recording) })
        let several = try Program.run(["classify", recording, "--emit", "frames"]).records()
        #expect(several.allSatisfy { $0["stream"] == .string(recording) }, "without a name, the file's path")
    }

    @Test func every() throws {
        let all = try run().lines("frame")
        let some = try run("--every", "10").lines("frame")
        #expect(some == stride(from: 0, to: all.count, by: 10).map { all[$0] })
    }

    @Test func topCountAllowAndDeny() throws {
        let all = try run("--top-k", "12").records("frame")
        #expect(all.allSatisfy { Set($0.topLabels).count == 12 })
        #expect(try run("--top-k", "100").records("frame") == all)
        #expect(try run("--top-k", "1").records("frame").map(\.topLabels) == all.map { [$0.topLabels[0]] })
        let allowed = try run("--top-k", "12", "--allow", "yes", "--allow", "no").records("frame")
        #expect(allowed.map(\.topLabels) == all.map { $0.topLabels.filter(["yes", "no"].contains) })
        let denied = try run("--top-k", "12", "--deny", "yes", "--deny", "_silence_").records("frame")
        #expect(denied.map(\.topLabels) == all.map { $0.topLabels.filter { !["yes", "_silence_"].contains($0) } })
        let events = try run("--emit", "events", "--threshold", "1e-9", "--allow", "yes", "--allow", "_silence_")
        #expect(Set(try events.records("event").compactMap { $0["label"]?.string }) == ["yes"])
    }

    @Test func changes() throws {
        let all = try run().lines("frame")
        let labels = try run().records("frame").map { $0.topLabels[0] }
        let changed = labels.indices.filter { $0 == 0 || labels[$0] != labels[$0 - 1] }
        #expect(try run("--emit", "changes").lines("frame") == changed.map { all[$0] })
    }

    @Test func summary() throws {
        let frames = try run("--top-k", "12").records("frame")
        let one = try run("--emit", "summary", "--top-k", "12").records()
        #expect(one.map { $0["type"] } == ["start", "summary", "end"])
        let summary = try #require(try run("--top-k", "12", command: "classify").records().first)
        #expect(one[1] == summary, "classify has the same summary")
        #expect(summary["file"] == .string(recording) && summary["seconds"] == 2)
        for (label, probability) in summary.topProbabilities {
            let values = frames.compactMap { $0.topProbabilities[label] }
            // The model names the largest probability as the score of `_unknown_`.
            let expected = label == "_silence_" ? values.reduce(0, +) / Double(values.count) : values.max() ?? 0
            #expect(abs(probability - expected) < 1.01e-4, "\(label)")
        }
    }

    @Test func tablesOfFrames() throws {
        let frames = try run("--top-k", "2").records("frame")
        for (format, separator) in [("csv", ","), ("tsv", "\t")] as [(String, Character)] {
            let rows = try run("--top-k", "2", "--format", format).lines.map { fields($0, separator) }
            #expect(rows.first == ["stream", "frame", "sample", "t", "warm", "rank", "label", "p", "dbfs"])
            #expect(rows.count == 1 + 2 * frames.count)
            for (index, row) in rows.dropFirst().enumerated() {
                let frame = frames[index / 2]
                let label = frame.topLabels[index % 2]
                try #require(row.count == 9)
                #expect(row[0] == "audio" && Double(row[1]) == frame["frame"]?.number)
                #expect(Double(row[2]) == frame["sample"]?.number && Double(row[3]) == frame["t"]?.number)
                #expect(
                    frame["warm"] == .bool(row[4] == "true") && row[5] == "\(index % 2 + 1)" && row[6] == label)
                #expect(Double(row[7]) == frame.topProbabilities[label] && Double(row[8]) == frame["dbfs"]?.number)
            }
        }
    }

    @Test func tablesOfEventsAndSummaries() throws {
        let always = ["--emit", "events", "--threshold", "1e-9", "--threshold-off", "1e-9"]
        let events = try Program.run(["run", recording] + always).records("event").filter { $0["phase"] == "end" }
        let rows = try Program.run(["run", recording, "--format", "csv"] + always).lines.map { fields($0, ",") }
        #expect(rows.first == ["id", "stream", "label", "t0", "t1", "p_max"])
        #expect(!events.isEmpty && rows.count == 1 + events.count)
        for (row, event) in zip(rows.dropFirst(), events) {
            #expect(.string(row[0]) == event["id"] && .string(row[2]) == event["label"])
            #expect(Double(row[3]) == event["t0"]?.number && Double(row[4]) == event["t1"]?.number)
            #expect(Double(row[5]) == event["p_max"]?.number)
        }
        let summaries = try Program.run(["classify", recording, recording, "--format", "csv", "--top-k", "1"]).lines
        #expect(summaries.count == 2 && summaries[0] == "file,seconds,rank,label,p,error", "a file is done once")
        #expect(summaries[1].hasPrefix("\(recording),2,1,"))
    }

    /// Subtitles of windows: a cue for each window, with its labels, and no two at a time.
    @Test(arguments: ["srt", "vtt"], [["--window", "0.7"], ["--emit", "summary"]])
    func cuesOfWindows(format: String, mode: [String]) throws {
        let folder = try TemporaryDirectory()
        try folder.write(WaveFile(Sound.samples(32_000)).bytes, to: "a.wav")
        let arguments = ["classify", "\(folder.path)/a.wav"] + mode
        let records = try Program.run(arguments).records()
        let lines = try Program.run(arguments + ["--format", format]).lines
        let times = lines.indices.filter { lines[$0].contains(" --> ") }
        #expect(times.count == records.count && records.count == (mode[0] == "--window" ? 3 : 1))
        var last = 0.0
        for (index, record) in zip(times, records) {
            let seconds = lines[index].split(separator: " ").filter { $0 != "-->" }.map { clock in
                clock.replacing(",", with: ".").split(separator: ":").reduce(0) { $0 * 60 + (Double($1) ?? .nan) }
            }
            #expect(seconds.count == 2 && seconds[0] == last && seconds[1] > seconds[0], "\(lines[index])")
            #expect(abs(seconds[1] - (record["t1"]?.number ?? record["seconds"]?.number ?? 0)) < 0.0011)
            last = seconds[1]
            let words = lines[index + 1].split(separator: ", ").map { $0.split(separator: " ") }
            #expect(words.map { String($0[0]) } == record.topLabels && words.count == 3, "\(lines[index + 1])")
            for word in words {
                let probability = record.topProbabilities[String(word[0])] ?? .nan
                #expect(abs((Double(word[1]) ?? .nan) - probability) < 0.00501)
            }
        }
    }

    @Test func separatorsInNames() throws {
        let name = "say \"a, b\"\r\n\tc"
        let csv = try run("--format", "csv", "--top-k", "1", "--every", "100", "--source-name", name)
        // Split by scalars, since CR and LF are one character.
        #expect(csv.output.unicodeScalars.contains("\n\"say \"\"a, b\"\"\r\n\tc\",0,880,".unicodeScalars))
        let tsv = try run("--format", "tsv", "--top-k", "1", "--every", "100", "--source-name", name)
        #expect(fields(tsv.lines[1], "\t").first == "say \"a, b\"   c")
    }

    /// A row without a label, so that a table has one for every file.
    @Test func recordingShorterThanAPredictionHasItsRow() throws {
        let folder = try TemporaryDirectory()
        try folder.write(WaveFile(Sound.samples(160)).bytes, to: "short.wav")
        let path = "\(folder.path)/short.wav"
        #expect(try Program.run(["classify", path, "--format", "csv"]).lines.last == "\(path),0.01,,,,")
        #expect(try Program.run(["classify", path, "--format", "tsv"]).lines.last == "\(path)\t0.01\t\t\t\t")
    }
}
