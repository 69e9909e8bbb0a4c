internal import AudioFrontend
internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// `classify` on archives: which files are done, in which rows they appear, and where the results go.
@Suite struct ArchiveTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        for name in ["a/b", "a/.cache", "other"] {
            try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        }
        for (index, name) in ["a/1.wav", "a/b/2.wav", "a/.cache/3.wav", "a/.4.wav", "other/5.wav"].enumerated() {
            try folder.write(WaveFile(Sound.samples(4000, seed: UInt64(index))).bytes, to: name)
        }
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func paths(_ names: String...) -> [JSONValue?] { names.map { .string(path($0)) } }

    private func summaries(_ arguments: [String], input: [UInt8]? = nil, status: Int32 = 0) throws -> [JSONValue?] {
        let finished = try Program.run(["classify"] + arguments, input: input)
        #expect(finished.status == status, "\(arguments): \(finished.errors)")
        return try finished.records("summary").map { $0["file"] }
    }

    private func link(_ target: String, _ name: String) { #expect(unsafe symlink(target, path(name)) == 0) }

    // MARK: Files

    @Test func hiddenFilesAreCountedAndTakenOnRequest() throws {
        let finished = try Program.run(["classify", path("a")])
        #expect(try finished.records("summary").map { $0["file"] } == paths("a/1.wav", "a/b/2.wav"))
        #expect(finished.errors.contains("2 hidden files or folders were left out; --hidden takes them"))
        let all = try summaries([path("a"), "--hidden"])
        #expect(all == paths("a/.4.wav", "a/.cache/3.wav", "a/1.wav", "a/b/2.wav"))
    }

    @Test func linksAreFollowedOnRequestAndLoopsEnd() throws {
        link("../other", "a/link")
        link("..", "a/b/loop")
        #expect(try summaries([path("a")]) == paths("a/1.wav", "a/b/2.wav"))
        #expect(try summaries([path("a"), "--follow-links"]) == paths("a/1.wav", "a/b/2.wav", "a/link/5.wav"))
    }

    /// However a file is named, it has one result; a link to it has a row with the reason.
    @Test func aFileIsDoneOnce() throws {
        link("1.wav", "a/z.wav")
        let names = [path("a/1.wav"), path("a"), path("a/../a/b/2.wav"), path("other/../a/1.wav")]
        let finished = try Program.run(["classify"] + names)
        #expect(finished.status == 0)
        #expect(try finished.records("summary").map { $0["file"] } == paths("a/1.wav", "a/b/2.wav"))
        let skipped = try finished.records("skipped")
        #expect(skipped.map { $0["file"] } == paths("a/z.wav") && skipped.first?["code"] == "same_file")
        #expect(finished.errors.contains("3 files were named again; each is done once"), "\(finished.errors)")
    }

    /// Names are bytes: an accent in one character or in two makes two names, of two files, in every list and journal.
    @Test func namesThatLookAlikeAreTwoFiles() throws {
        let names = ["other/caf\u{E9}.wav", "other/cafe\u{301}.wav"]
        for (index, name) in names.enumerated() {
            try folder.write(WaveFile(Sound.samples(4000, seed: UInt64(10 + index))).bytes, to: name)
        }
        func files(_ arguments: [String]) throws -> Set<[UInt8]> {
            Set(try summaries(arguments).compactMap { $0?.string.map { Array($0.utf8) } })
        }
        let both = Set(names.map { Array(path($0).utf8) })
        #expect(try files(names.map(path)) == both)
        #expect(try files([path("other")]) == both.union([Array(path("other/5.wav").utf8)]))
        let journal = ["--journal", path("journal"), "--output", path("out")]
        #expect(try Program.run(["classify", path(names[0])] + journal).status == 0)
        let rest = try Program.run(["classify"] + names.map(path) + journal)
        #expect(rest.status == 0 && rest.errors.contains("1 of 2 files"), "\(rest.errors)")
        #expect(!rest.errors.contains("changed"), "\(rest.errors)")
        let written = try folder.read("out").split(separator: UInt8(ascii: "\n"))
        #expect(written.count == 2)
    }

    /// What a decoder prints is no result: libsndfile names the faults of a MIDI sample dump on standard output.
    @Test func decodersPrintNoResults() throws {
        let coding = Libsndfile.Coding(name: "sds", format: 0x110000 | 2, rate: 16000, channels: 1)
        let samples = Sound.samples(16000).map { Float($0) / 32768 }
        try Libsndfile.encode(samples, as: coding, to: path("other/6.sds"))
        var bytes = try folder.read("other/6.sds")
        bytes.insert(0, at: 2000)
        try folder.write(bytes, to: "other/6.sds")
        let finished = try Program.run(["classify", path("other/5.wav"), path("other/6.sds"), "--log-level", "info"])
        #expect(try finished.records().map { $0["file"] } == paths("other/5.wav", "other/6.sds"))
        let words = finished.errors.split(separator: "\n").filter { $0.contains("6.sds: Error") }
        #expect((1...20).contains(words.count), "\(finished.errors)")
    }

    /// A link gives way to its file, in whatever order they are found.
    @Test func aFileComesBeforeItsLinks() throws {
        link("b/2.wav", "a/0.wav")
        link("b/2.wav", "a/z.wav")
        let finished = try Program.run(["classify", path("a")])
        #expect(try finished.records("summary").map { $0["file"] } == paths("a/1.wav", "a/b/2.wav"))
        #expect(try finished.records("skipped").map { $0["file"] } == paths("a/0.wav", "a/z.wav"))
    }

    @Test func listsOfFiles() throws {
        let odd = "other/two\nlines.wav"
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: odd)
        let lines = Array("\(path("other/5.wav"))\r\n\n\(path("a/b"))\n".utf8)
        try folder.write(lines, to: "list.txt")
        #expect(try summaries(["--files-from", path("list.txt")]) == paths("other/5.wav", "a/b/2.wav"))
        #expect(try summaries(["--files-from", "-"], input: lines) == paths("other/5.wav", "a/b/2.wav"))
        let marked = [0xEF, 0xBB, 0xBF] + lines  // as editors of Windows write it
        #expect(try summaries(["--files-from", "-"], input: marked) == paths("other/5.wav", "a/b/2.wav"))
        let zeros = Array("\(path(odd))\0\(path("a/1.wav"))\0".utf8)
        #expect(try summaries(["--files0-from", "-"], input: zeros) == paths(odd, "a/1.wav"))
        let wrong = try Program.run(["classify", "--files-from", "-"], input: zeros)
        #expect(wrong.status == 65 && wrong.errors.contains("--files0-from"))
        let missing = try Program.run(["classify", "--files-from", path("none.txt")])
        #expect(missing.status == 66 && missing.errors.contains("none.txt"))
        let none = try Program.run(["classify"])
        #expect(none.status == 64 && none.errors.contains("--files-from"))
    }

    /// A pattern in quotes, which the shell has not replaced.
    @Test func patterns() throws {
        #expect(try summaries([path("*/[0-9].wav")]) == paths("a/1.wav", "other/5.wav"))
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: "other/[x].wav")
        #expect(try summaries([path("other/[x].wav")]) == paths("other/[x].wav"), "a file of this name comes first")
    }

    /// A pattern that matches nothing is named as one, with the files that others match.
    @Test func patternsWithoutAMatch() throws {
        let message = "there is no file of this name, and none that it matches as a pattern"
        for pattern in ["none/*.wav", "a/?.flac", "other/[x-z].wav"] {
            let missing = try Program.run(["classify", path(pattern), path("other/*.wav")])
            #expect(
                missing.status == 65 && missing.errors.contains("\(path(pattern)): \(message)"), "\(missing.errors)")
            #expect(missing.lines("summary").count == 1)
            try folder.write(Array(path(pattern).utf8), to: "list.txt")
            let listed = try Program.run(["classify", "--files-from", path("list.txt")])
            #expect(listed.status == 66 && listed.errors.contains("\(path(pattern)): \(message)"), "\(listed.errors)")
            let page = try Program.run(["report", path(pattern), "--output", path("page.html")])
            #expect(page.status == 66 && page.errors.contains(message), "\(page.errors)")
        }
        let plain = try Program.run(["classify", path("none.wav")])
        #expect(plain.status == 66 && plain.errors.contains("No such file or directory"))
        for option in ["--files-from", "--files0-from"] {
            try folder.write(Array(path("other/*.wav").utf8), to: "list.txt")
            let listed = try Program.run(["classify", option, path("list.txt")])
            #expect(
                listed.status == 66 && listed.errors.contains("as a pattern it is replaced on the command line alone"))
        }
        let page = try Program.run(["report", path("other/*.wav"), "--output", path("page.html")])
        #expect(page.status == 0, "\(page.errors)")
    }

    // MARK: Rows

    @Test func failedAndSkippedFilesAreRowsOfTables() throws {
        try folder.write(Array("text".utf8), to: "a/bad, \"it\".wav")
        try folder.write([0], to: "a/memo.m4a")
        let expected: [(emit: String, columns: [String], name: Int)] = [
            ("summary", ["file", "seconds", "rank", "label", "p", "error"], 0),
            ("events", ["id", "stream", "label", "t0", "t1", "p_max", "error"], 1),
            ("frames", ["stream", "frame", "sample", "t", "warm", "rank", "label", "p", "dbfs", "error"], 0),
        ]
        for (emit, columns, name) in expected {
            let finished = try Program.run(["classify", path("a"), "--emit", emit, "--format", "tsv"])
            #expect(finished.status == 65)
            let rows = finished.lines.map {
                $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            }
            #expect(rows.first == columns && rows.allSatisfy { $0.count == columns.count })
            let failed = rows.dropFirst().filter { $0.last != "" }
            #expect(failed.map { $0[name] } == [path("a/bad, \"it\".wav"), path("a/memo.m4a")])
            #expect(
                failed[0].last?.hasPrefix("decode: ") == true && failed[1].last?.hasPrefix("skipped: format: ") == true)
            #expect(finished.errors.contains("2 of 4 files done, 1 failed, 1 skipped"), "\(finished.errors)")
            #expect(
                finished.errors.contains("1 skipped  format: libsndfile does not read them; convert each with ffmpeg"))
        }
    }

    /// A converted file beside its original is the one result of both.
    @Test func convertedFilesAreNamedByTheirOriginals() throws {
        for name in ["a/1.m4a", "a/memo.m4a", "a/b/2.wav.WMA", "a/b/1.aac"] { try folder.write([0], to: name) }
        for name in ["a/memo.m4a.wav", "other/1.wav"] {
            try folder.write(WaveFile(Sound.samples(4000, seed: 9)).bytes, to: name)
        }
        let finished = try Program.run(["classify", path("a")])
        let skipped = try finished.records("skipped")
        #expect(skipped.map { $0["file"] } == paths("a/1.m4a", "a/b/1.aac", "a/b/2.wav.WMA", "a/memo.m4a"))
        #expect(skipped.map { $0["code"] } == ["converted", "format", "format", "converted"])
        let message = "1.m4a: \(path("a/1.wav")) is taken for its conversion"
        #expect(skipped[0]["message"]?.string?.contains(message) == true)
        #expect(skipped[3]["message"]?.string?.contains("\(path("a/memo.m4a.wav")) is taken for") == true)
        #expect(finished.errors.contains("2 files were left out (aac, wma;"), "\(finished.errors)")
        #expect(finished.errors.contains("2 skipped  converted: each lies beside a file of its base name"))
    }

    /// A file that is not read fails where it is named, and is skipped where it is found.
    @Test func namedAndFoundFilesThatAreNotRead() throws {
        try FileManager.default.createDirectory(atPath: path("only"), withIntermediateDirectories: true)
        let start = [0, 0, 0, 0x18] + Array("ftypM4A ".utf8)
        try folder.write(start + [UInt8](repeating: 0, count: 100), to: "only/x.m4a")
        try folder.write(Array(path("only/x.m4a").utf8), to: "list")
        for named in [[path("only/x.m4a")], [path("only/*.m4a")], ["--files-from", path("list")]] {
            let failed = try Program.run(["classify"] + named)
            #expect(failed.status == 65 && failed.lines("error").count == 1, "\(named): \(failed.errors)")
            #expect(failed.errors.contains("MP4 or M4A, which is not decoded here"))
        }
        let found = try Program.run(["classify", path("only")])
        #expect(found.status == 66 && found.lines("skipped").count == 1)
        #expect(found.errors.contains("no file can be classified: 1 file is skipped"), "\(found.errors)")
        let both = try Program.run(["classify", path("only"), path("a/1.wav")])
        #expect(both.status == 0 && both.lines("skipped").count == 1 && both.lines("summary").count == 1)
    }

    /// Windows divide the recording without a gap, and a window has the largest probabilities of the frames in it.
    @Test func windows() throws {
        try folder.write(WaveFile(Sound.samples(16000 * 5 / 2)).bytes, to: "long.wav")
        let labels = ["--top-k", "12"]
        let frames = try Program.run(["run", path("long.wav")] + labels).records("frame")
        let finished = try Program.run(["classify", path("long.wav"), "--window", "1"] + labels)
        let windows = try finished.records("window")
        #expect(
            windows.compactMap { $0["t0"]?.number } == [0, 1, 2]
                && windows.compactMap { $0["t1"]?.number } == [1, 2, 2.5])
        #expect(try finished.records().count == 3 && windows.allSatisfy { $0["file"] == .string(path("long.wav")) })
        for (index, window) in windows.enumerated() {
            let inside = frames.filter {
                let time = $0["t"]?.number ?? 0
                return time > Double(index) && time <= Double(index + 1)
            }
            #expect(!inside.isEmpty)
            for (label, probability) in window.topProbabilities where !label.hasPrefix("_") {
                let largest = inside.compactMap { $0.topProbabilities[label] }.max() ?? -1
                #expect(abs(probability - largest) < 1.01e-4, "\(label)")
            }
        }
        let table = try Program.run(["classify", path("long.wav"), "--window", "1", "--format", "csv", "--top-k", "1"])
        #expect(table.lines.first == "file,t0,t1,rank,label,p,error" && table.lines.count == 4)
        let refused = try Program.run(["classify", path("long.wav"), "--window", "1", "--emit", "events"])
        #expect(refused.status == 64 && refused.errors.contains("--window divides a summary"))
    }

    // MARK: Outputs

    @Test func outputFile() throws {
        let plain = try Program.run(["classify", path("a")])
        let finished = try Program.run(["classify", path("a"), "--output", path("out.jsonl")])
        #expect(finished.status == 0 && finished.output == "")
        #expect(try String(contentsOf: URL(filePath: path("out.jsonl")), encoding: .utf8) == plain.output)
        let over = try Program.run(["classify", path("a"), "--output", path("a/1.wav")])
        #expect(over.status == 64 && over.errors.contains("overwrite"))
        let both = try Program.run(["classify", path("a"), "--output", "x", "--beside"])
        #expect(both.status == 64 && both.errors.contains("exclude each other"))
        let into = try Program.run(["classify", path("a"), "--output", path("other")])
        #expect(into.status == 64 && into.errors.contains("--per-file-output"))
    }

    @Test func resultsMirrorTheTree() throws {
        try folder.write(Array("text".utf8), to: "a/bad.wav")
        let finished = try Program.run(["classify", path("a"), "--per-file-output", path("out"), "--format", "csv"])
        #expect(finished.status == 65 && finished.output == "")
        let files = try FileManager.default.subpathsOfDirectory(atPath: path("out"))
        #expect(Set(files) == ["1.wav.csv", "b", "b/2.wav.csv", "bad.wav.csv"])
        let one = try String(contentsOf: URL(filePath: path("out/b/2.wav.csv")), encoding: .utf8)
        #expect(one == (try Program.run(["classify", path("a/b/2.wav"), "--format", "csv"]).output))
        let bad = try String(contentsOf: URL(filePath: path("out/bad.wav.csv")), encoding: .utf8)
        #expect(bad.contains("\(path("a/bad.wav")),,,,,\"decode: "))
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: "other/1.wav")
        let clash = try Program.run(["classify", path("a"), path("other"), "--per-file-output", path("out")])
        #expect(clash.status == 64 && clash.errors.contains("would both have the output"))
    }

    @Test func resultsBesideTheRecordings() throws {
        let finished = try Program.run(["classify", path("a"), "--beside", "--format", "srt"])
        #expect(finished.status == 0)
        for name in ["a/1.wav.srt", "a/b/2.wav.srt"] { #expect(FileManager.default.fileExists(atPath: path(name))) }
    }

    // MARK: Names, times

    @Test func namesOutsideUTF8HaveResults() throws {
        let name = FileName(bytes: Array("\(path("a"))/l".utf8) + [0xE9] + Array(".wav".utf8))
        #expect(unsafe name.withCString { unsafe rename(path("a/1.wav"), $0) } == 0)
        let command = ["classify", path("a"), "--output", path("out.jsonl"), "--journal", path("journal")]
        #expect(try Program.run(command).status == 0)
        let results = try String(contentsOf: URL(filePath: path("out.jsonl")), encoding: .utf8)
        #expect(results.contains("l\\\\xE9.wav"))
        #expect(try Program.run(command).errors.contains("2 of 2 files were done before"))
        #expect(try Program.run(["classify", path("a"), "--per-file-output", path("out")]).status == 0)
        let target = FileName(bytes: Array("\(path("out"))/l".utf8) + [0xE9] + Array(".wav.jsonl".utf8))
        #expect(unsafe target.withCString { unsafe access($0, R_OK) } == 0)
    }

    @Test func timesOfNames() throws {
        let names: [(String, Double)] = [
            ("SM4_20260501_043000.wav", 1_777_609_800), ("2026-05-01T04-30-00Z.wav", 1_777_609_800),
            ("20260501_043000+0200_x.wav", 1_777_602_600), ("69F42CE8.WAV", 1_777_609_960),
        ]
        for (name, expected) in names {
            try folder.write(WaveFile(Sound.samples(4000)).bytes, to: name)
            let finished = try Program.run(
                ["classify", path(name), "--start-time-from", "name"], environment: ["TZ": "UTC"])
            #expect(try finished.records("summary").first?["time"] == .number(expected), "\(name) \(finished)")
        }
        let local = try Program.run(
            ["classify", path(names[0].0), "--start-time-from", "name", "--format", "csv", "--top-k", "1"],
            environment: ["TZ": "CET-1CEST,M3.5.0,M10.5.0"])
        #expect(local.lines.first == "file,seconds,rank,label,p,time,error")
        #expect(local.lines.last?.contains(",2026-05-01T04:30:00.000+02:00,") == true, "\(local.output)")
        let none = try Program.run(["classify", path("a/1.wav"), "--start-time-from", "name"])
        #expect(none.status == 0 && none.errors.contains("1 file has no absolute times"))
        #expect(try none.records("summary").first?["time"] == nil)
    }

    /// A recorder closes its file at the end of the recording.
    @Test func timesOfChangesAndChunks() throws {
        let times = [timeval(tv_sec: 1_777_609_800, tv_usec: 0), timeval(tv_sec: 1_777_609_800, tv_usec: 0)]
        #expect(unsafe utimes(path("a/1.wav"), times) == 0)
        let changed = try Program.run(
            ["classify", path("a/1.wav"), "--start-time-from", "mtime", "--emit", "frames"]
        ).records()
        #expect(changed.first?["time"] == .number(1_777_609_799.75), "4000 samples are a quarter of a second")
        let frame = try #require(changed.first { $0["type"] == "frame" })
        let expected = 1_777_609_799.75 + (frame["t"]?.number ?? 0)
        #expect(abs((frame["time"]?.number ?? 0) - expected) < 1e-3)
        // EBU Tech 3285: description, originator and reference, then date and time.
        var chunk = [UInt8](repeating: 0, count: 602)
        chunk.replaceSubrange(320..<338, with: Array("2026-05-0104:30:00".utf8))
        let wave = WaveFile(Sound.samples(4000)).bytes
        let bext = Array("bext".utf8) + [0x5A, 2, 0, 0] + chunk
        try folder.write(Array(wave[..<12]) + bext + Array(wave[12...]), to: "bext.wav")
        let broadcast = try Program.run(
            ["classify", path("bext.wav"), "--start-time-from", "bext"], environment: ["TZ": "UTC"])
        #expect(try broadcast.records("summary").first?["time"] == .number(1_777_609_800), "\(broadcast)")
    }
}
