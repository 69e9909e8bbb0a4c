internal import Foundation
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A recording whose end is missing, or that is odd, says so in its results: by path, pipe and request, in all formats.
@Suite struct CutRecordingTests {
    /// A recording that a test cuts or spoils.
    enum Kind: String, CaseIterable {
        case wav, flac, mp3, aiff, raw
        /// An MP3 behind bytes that are none.
        case junk
    }

    private let folder: TemporaryDirectory
    private var path: String { "\(folder.path)/a,\"b\"" }

    init() throws { folder = try TemporaryDirectory() }

    /// Writes a recording of two seconds, whole or spoilt.
    /// - Returns: the part of its warning behind its name.
    private func spoil(_ kind: Kind, isWhole: Bool = false) throws -> String {
        let name = "a,\"b\""
        switch kind {
        case .wav: try folder.write(WaveFile(Sound.samples(32_000)).bytes, to: name)
        case .raw: try folder.write(Sound.raw(Sound.samples(32_000)) + (isWhole ? [] : [0]), to: name)
        case .flac, .mp3, .aiff, .junk:
            let coding = try #require(
                Libsndfile.codings.first { $0.name == (kind == .junk ? "mp3" : kind.rawValue) })
            let samples = Sound.samples(2 * coding.rate * coding.channels).map { Float($0) / 32768 }
            try Libsndfile.encode(samples, as: coding, to: path)
        }
        let bytes = try folder.read(name)
        switch kind {
        case .raw: return " ended inside a sample; its last 1 byte was not used"
        case .junk:
            if !isWhole { try folder.write([UInt8](repeating: 0, count: 2000) + bytes, to: name) }
            return ": its first MP3 frame begins at byte 2000, where it is read from"
        case .wav, .flac, .mp3, .aiff:
            // A whole number of samples of 1 to 6 bytes stays behind each header.
            if !isWhole { try folder.write(Array(bytes[..<(bytes.count - 6000)]), to: name) }
            return " is cut: "
        }
    }

    private func options(_ kind: Kind) -> [String] { kind == .raw ? ["--input-format", "raw"] : [] }

    /// Expects that only the last record has warnings, one of which begins so.
    private func expectWarning(_ records: [JSONValue], _ warning: String, type: String, _ what: Comment) {
        #expect(records.last?["type"] == .string(type), what)
        let warnings = (records.last?["warnings"]?.elements ?? []).compactMap(\.string)
        #expect(warnings.count == 1 && warnings[0].hasPrefix(warning), what)
        #expect(records.dropLast().allSatisfy { $0["warnings"] == nil }, what)
    }

    @Test(arguments: Kind.allCases) func lastRecordHasTheWarnings(kind: Kind) throws {
        let warning = try spoil(kind)
        let modes: [([String], String)] = [
            ([], "summary"), (["--emit", "frames"], "end"), (["--emit", "changes"], "end"),
            (["--emit", "events"], "end"), (["--window", "0.7"], "window"),
        ]
        for (mode, type) in modes {
            let found = try Program.run(["classify", path] + options(kind) + mode)
            #expect(found.status == 0 && found.errors.contains("\(path)\(warning)"), "\(found.errors)")
            expectWarning(try found.records(), "\(path)\(warning)", type: type, "\(mode)")
            let piped = try Program.run(["classify", "-"] + options(kind) + mode, input: folder.read("a,\"b\""))
            expectWarning(try piped.records(), "standard input\(warning)", type: type, "\(mode) from a pipe")
        }
        let live = try Program.run(["run", path] + options(kind))
        expectWarning(try live.records(), "\(path)\(warning)", type: "end", "run")
        _ = try spoil(kind, isWhole: true)
        for (mode, _) in modes {
            let whole = try Program.run(["classify", path] + options(kind) + mode)
            #expect(whole.status == 0 && !whole.output.contains("warnings"), "\(mode): \(whole.output)")
        }
    }

    /// A table and a list of labels have one more row, if audio is missing.
    @Test(arguments: Kind.allCases, ["csv", "tsv", "srt", "vtt", "audacity", "raven", "kaleidoscope", "rttm", "elan"])
    func cutRecordingsHaveARow(kind: Kind, format: String) throws {
        let warning = try spoil(kind)
        for destination in [[], ["--per-file-output", "\(folder.path)/out"]] {
            let arguments = ["classify", path, "--format", format] + options(kind) + destination
            let run = try Program.run(arguments)
            #expect(run.status == 0, "\(run.errors)")
            var output = run.output
            if !destination.isEmpty {
                let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out")
                output = String(decoding: try folder.read("out/\(try #require(files.first))"), as: UTF8.self)
            }
            var expected = "cut: \(path)\(warning)"
            if ["csv", "kaleidoscope"].contains(format) { expected = expected.replacing("\"", with: "\"\"") }
            if format == "rttm" { expected = expected.replacing("\"", with: "'").replacing(" ", with: "_") }
            #expect(output.contains(expected) == (kind != .junk), "\(format): \(output)")
            if format == "csv" { #expect(output.split(separator: "\n").count == (kind == .junk ? 4 : 5)) }
        }
    }

    @Test(arguments: Kind.allCases) func requestsHaveTheWarnings(kind: Kind) throws {
        let warning = try spoil(kind)
        let form = kind == .raw ? ",\"input_format\":\"raw\"" : ""
        let bytes = try folder.read("a,\"b\"")
        let name = "a,\\\"b\\\""
        let requests = [
            "{\"type\":\"classify\",\"request\":\"1\",\"path\":\"\(folder.path)/\(name)\","
                + "\"emit\":\"events\"\(form)}\n",
            "{\"type\":\"classify\",\"request\":\"2\",\"name\":\"x\",\"bytes\":\(bytes.count)\(form)}\n",
        ]
        let input = Array(requests[0].utf8) + Array(requests[1].utf8) + bytes
        let finished = try Program.run(["requests", "--threads", "1"], input: input)
        #expect(finished.status == 0 && finished.errors.contains("\(path)\(warning)"), "\(finished.errors)")
        for (request, start, type) in [("1", path, "end"), ("2", "x", "summary")] {
            var records = try finished.records().filter { $0["request"] == .string(request) }
            let done = records.removeLast()
            #expect(done["type"] == "done")
            #expect(done["cut"]?.string?.hasPrefix("\(start)\(warning)") == (kind == .junk ? nil : true))
            expectWarning(records, "\(start)\(warning)", type: type, "request \(request)")
        }
    }

    /// An upload has the same warnings, and the same row in every format.
    @Test(arguments: Kind.allCases) func uploadsHaveTheWarnings(kind: Kind) throws {
        let warning = try spoil(kind)
        let bytes = try folder.read("a,\"b\"")
        let server = try Server()
        let target = "/v1/classify?\(kind == .raw ? "sample_format=s16le&rate=16000&" : "")"
        for (emission, type) in [("summary", "summary"), ("frames", "end"), ("events", "end")] {
            let reply = try server.request("POST", "\(target)emit=\(emission)", body: bytes)
            let records = try reply.lines.map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
            expectWarning(records, "upload\(warning)", type: type, "\(emission)")
        }
        for format in ["csv", "tsv", "srt", "vtt", "audacity", "raven", "kaleidoscope", "rttm", "elan"] {
            let reply = try server.request("POST", "\(target)format=\(format)", body: bytes)
            let expected = "cut: upload\(warning)"
            let found = format == "rttm" ? expected.replacing(" ", with: "_") : expected
            #expect(reply.status == 200 && reply.text.contains(found) == (kind != .junk), "\(format): \(reply.text)")
        }
    }

    /// Other commands have it in the log, and a page in its text.
    @Test func otherCommandsWarn() throws {
        try FileManager.default.createDirectory(atPath: "\(folder.path)/yes", withIntermediateDirectories: true)
        try folder.write(Array(WaveFile(Sound.samples(16_000)).bytes.dropLast(4001)), to: "yes/cut.wav")
        let recording = "\(folder.path)/yes/cut.wav"
        let page = "\(folder.path)/page.html"
        for arguments in [
            ["report", recording, "--output", page], ["evaluate", folder.path],
            ["features", recording, "--out", "\(folder.path)/x.npy", "--model", Program.model],
        ] {
            let run = try Program.run(arguments)
            #expect(run.status == 0, "\(run.errors)")
            #expect(run.errors.contains("warning: \(recording) is cut: its header promises 4001 bytes more"))
            #expect(run.errors.contains("warning: \(recording) ended inside a sample"))
        }
        let text = String(decoding: try folder.read("page.html"), as: UTF8.self)
        #expect(text.contains("\"warnings\":[\"\(recording) is cut: its header promises 4001 bytes more\",\""))
    }

    /// In a list of recordings the row is at the end of what is there of its own recording.
    @Test func rowsOfRavenAreInTheirRecording() throws {
        for name in ["1.wav", "2.wav", "3.wav"] {
            let bytes = WaveFile(Sound.samples(16_000)).bytes
            try folder.write(name == "2.wav" ? Array(bytes.dropLast(8000)) : bytes, to: name)
        }
        let run = try Program.run(["classify", folder.path, "--format", "raven", "--window", "1", "--top-k", "1"])
        let rows = run.lines.dropFirst().map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        #expect(rows.map { Double($0[3]) } == [0, 1, 1 + 0.75, 1.75], "\(run.output)")
        #expect(rows.count == 4 && rows[2].last?.contains("2.wav is cut") == true)
    }

    /// Two faults of one recording are two warnings and one row.
    @Test func cutInsideASample() throws {
        try folder.write(Array(WaveFile(Sound.samples(8000)).bytes.dropLast(1001)), to: "a.wav")
        let record = try #require(try Program.run(["classify", "\(folder.path)/a.wav"]).records().first)
        let warnings = try #require(record["warnings"]?.elements).compactMap(\.string)
        #expect(
            warnings.count == 2 && warnings[0].contains("1001 bytes more") && warnings[1].contains("its last 1 byte"))
        let table = try Program.run(["classify", "\(folder.path)/a.wav", "--format", "csv", "--top-k", "1"])
        #expect(table.lines.count == 3 && table.lines[2].hasSuffix("cut: \(warnings[0]); \(warnings[1])"))
    }

    /// The end of a run counts cut recordings, and so does that of a run that has only a journal to read.
    @Test func closingNoteCountsThem() throws {
        _ = try spoil(.flac)
        try folder.write(WaveFile(Sound.samples(8000)).bytes, to: "b.wav")
        let note = "1 of 2 recordings is cut; its result is of what is there"
        let arguments = ["classify", folder.path, path, "--output", "\(folder.path)/out.jsonl"]
        let journal = ["--journal", "\(folder.path)/journal"]
        for options in [journal, journal, []] {
            let run = try Program.run(arguments + options)
            #expect(run.status == 0 && run.errors.contains(note), "\(run.errors)")
        }
        _ = try spoil(.flac, isWhole: true)
        #expect(try !Program.run(arguments).errors.contains(" cut"))
    }

    /// A recorder that still writes is said in the record, too.
    @Test func changedRecordingsHaveAWarning() throws {
        // The program waits in the pipe, which comes first, while the recording grows.
        let pipe = "\(folder.path)/pipe"
        #expect(unsafe mkfifo(pipe, 0o600) == 0)
        try folder.write(Sound.raw(Sound.samples(16_000)), to: "growing")
        let growing = "\(folder.path)/growing"
        let child = try ChildProcess(["classify", pipe, growing, "--threads", "1", "--input-format", "raw"])
        let samples = Sound.raw(Sound.samples(16_000))
        let writer = unsafe open(pipe, O_WRONLY)
        #expect(writer >= 0)
        try folder.write(samples + samples, to: "growing")
        let stream = FileHandle(fileDescriptor: writer, closeOnDealloc: true)
        try stream.write(contentsOf: Data(samples))
        try stream.close()
        let records = try child.wait().records("summary")
        #expect(records.count == 2 && records[0]["warnings"] == nil)
        #expect(records[1]["warnings"]?.elements.first?.string?.contains("has changed since") == true)
    }

    /// The page of an archive lists cut recordings, from each kind of results.
    @Test(arguments: [["--emit", "summary"], ["--window", "0.5"], ["--emit", "events"]])
    func archivePageListsThem(mode: [String]) throws {
        let warning = try spoil(.wav)
        let (results, page) = ("\(folder.path)/results.jsonl", "\(folder.path)/page.html")
        try folder.write(WaveFile(Sound.samples(8000)).bytes, to: "b.wav")
        try folder.write(Array("text".utf8), to: "c.wav")
        let run = try Program.run(
            ["classify", path, "\(folder.path)/b.wav", "\(folder.path)/c.wav", "--output", results] + mode)
        #expect(run.status == 65)
        #expect(try Program.run(["report", "--archive", results, "--output", page]).status == 0)
        let text = String(decoding: try folder.read("page.html"), as: UTF8.self)
        let cut = #"{"file":"\#(path.replacing("\"", with: "\\\""))","code":"cut","message":"#
        let start = try #require(text.firstRange(of: cut)?.upperBound, "\(text.suffix(3000))")
        let rest = text[start...].prefix { $0 != "}" }
        #expect(rest.contains(warning) && rest.hasSuffix(#""outcome":"used""#), "\(rest)")
        #expect(text.contains(#""reasons":[{"code":"cut","outcome":"used","count":1},"#))
        #expect(text.contains(#""code":"decode""#) && text.contains(#""outcome":"failed""#))
    }
}
