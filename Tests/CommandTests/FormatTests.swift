internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The formats of `classify`, read by other projects' readers, give the events of its JSON lines.
@Suite struct FormatTests {
    /// A label with a time, as a reader found it.
    private struct Span: Equatable, Comparable, Decodable {
        let file: String
        let start: Double
        let end: Double
        let label: String

        static func < (left: Span, right: Span) -> Bool {
            (left.file, left.start, left.label) < (right.file, right.start, right.label)
        }

        func isNear(_ other: Span, within tolerance: Double) -> Bool {
            file == other.file && label == other.label && abs(start - other.start) <= tolerance
                && abs(end - other.end) <= tolerance
        }
    }

    private let folder: TemporaryDirectory
    private let files: [String]
    private let always = [
        "--emit", "events", "--threshold", "0.05", "--threshold-off", "0.02", "--min-duration-ms", "40",
    ]

    init() throws {
        folder = try TemporaryDirectory()
        files = ["a b, \"c\".wav", "two\nlines.wav", "كلب 100%.wav"]
        for (index, name) in files.enumerated() {
            try folder.write(WaveFile(Sound.samples(48000, seed: UInt64(index))).bytes, to: name)
        }
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    /// The ended events of the files' JSON lines, in their order.
    private func expected(_ files: [String], _ model: [String] = []) throws -> [Span] {
        let finished = try Program.run(["classify"] + files.map(path) + always + model)
        #expect(finished.status == 0, "\(finished.errors)")
        let events = try finished.records("event").filter { $0["phase"] == "end" }
        return try events.map { event in
            Span(
                file: try #require(event["stream"]?.string), start: try #require(event["t0"]?.number),
                end: try #require(event["t1"]?.number), label: try #require(event["label"]?.string))
        }.sorted()
    }

    /// Returns what a Python script reads: it prints an array of [file, start, end, label].
    private func read(_ script: String, _ arguments: String...) throws -> [Span] {
        let lines = """
            import json, sys
            spans = []
            def add(file, start, end, label):
                spans.append(dict(file=file, start=float(start), end=float(end), label=label))
            """
        let output = try Readers.run(lines + "\n" + script + "\nprint(json.dumps(spans))", arguments)
        return try JSONDecoder().decode([Span].self, from: Data((output ?? "[]").utf8)).sorted()
    }

    private func expectEqual(_ found: [Span], _ expected: [Span], within tolerance: Double) {
        #expect(expected.count > 2 && found.count == expected.count, "\(found.count) of \(expected.count)")
        for (one, other) in zip(found, expected) {
            #expect(one.isNear(other, within: tolerance), "\(one) is not \(other)")
        }
    }

    private func write(_ format: String, _ files: [String], _ options: [String] = []) throws -> String {
        let output = path("out.\(format).txt")
        let finished = try Program.run(
            ["classify"] + files.map(path) + always + ["--format", format, "--output", output] + options)
        #expect(finished.status == 0, "\(finished.errors)")
        return output
    }

    // MARK: Formats of one recording

    @Test func subRip() throws {
        let output = try write("srt", [files[0]])
        let found = try read(
            """
            import pysrt
            cues = pysrt.open(sys.argv[1], encoding="utf-8")
            assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
            assert all(a.start <= b.start for a, b in zip(cues, cues[1:]))
            for cue in cues: add(sys.argv[2], cue.start.ordinal / 1000, cue.end.ordinal / 1000, cue.text)
            """, output, path(files[0]))
        expectEqual(found, try expected([files[0]]), within: 0.000501)
    }

    @Test func webVTT() throws {
        let output = try write("vtt", [files[0]])
        let found = try read(
            """
            import html, webvtt
            for cue in webvtt.read(sys.argv[1]):
                add(sys.argv[2], cue.start_in_seconds + cue.start_time.milliseconds / 1000,
                    cue.end_in_seconds + cue.end_time.milliseconds / 1000, html.unescape(cue.text))
            """, output, path(files[0]))
        expectEqual(found, try expected([files[0]]), within: 0.000501)
    }

    @Test func audacity() throws {
        let output = try write("audacity", [files[0]])
        let found = try read(
            """
            import crowsetta
            sequence = crowsetta.formats.seq.AudSeq.from_file(sys.argv[1], sys.argv[2]).to_seq()
            for segment in sequence.segments: add(sys.argv[2], segment.onset_s, segment.offset_s, segment.label)
            """, output, path(files[0]))
        expectEqual(found, try expected([files[0]]), within: 1e-6)
    }

    @Test func oneRecordingOnly() throws {
        for format in ["srt", "vtt", "audacity"] {
            let many = try Program.run(["classify"] + files.map(path) + ["--format", format])
            #expect(many.status == 64 && many.errors.contains("--per-file-output FOLDER"), "\(many.errors)")
        }
        let frames = try Program.run(["classify", path(files[0]), "--format", "raven", "--emit", "frames"])
        #expect(frames.status == 64 && frames.errors.contains("a beginning and an end"), "\(frames.errors)")
        // A live stream has events in these formats, too, unless other records are asked for.
        let live = try Program.run(["run", path(files[0]), "--format", "srt"])
        #expect(live.status == 0, "\(live.errors)")
        #expect(try live.output == Program.run(["classify", path(files[0]), "--format", "srt"]).output)
    }

    // MARK: Tables of many recordings

    @Test func raven() throws {
        let output = try write("raven", files)
        // Begin and end count through all recordings, each of which lasts three seconds.
        let found = try read(
            """
            import crowsetta, pandas
            table = pandas.read_csv(sys.argv[1], sep="\\t", keep_default_na=False)
            assert list(table["Selection"]) == list(range(1, len(table) + 1))
            names = list(dict.fromkeys(table["Begin Path"]))
            boxes = crowsetta.formats.bbox.Raven.from_file(sys.argv[1], annot_col="Annotation").to_bbox()
            for box, name, offset in zip(boxes, table["Begin Path"], table["File Offset (s)"]):
                begin = 3 * names.index(name)
                assert abs(box.onset - begin - offset) < 1e-5 and (box.low_freq, box.high_freq) == (0, 8000)
                add(name, box.onset - begin, box.offset - begin, box.label)
            """, output)
        // A table with tabs has a space for the line end of a name.
        let names = try expected(files).map {
            Span(file: $0.file.replacing("\n", with: " "), start: $0.start, end: $0.end, label: $0.label)
        }
        expectEqual(found, names.sorted(), within: 1e-5)
    }

    @Test func kaleidoscope() throws {
        let output = try write("kaleidoscope", files)
        let found = try read(
            """
            import os, pandas
            table = pandas.read_csv(sys.argv[1], keep_default_na=False)
            for row in table.to_dict("records"):
                add(os.path.join(row["INDIR"], row["FOLDER"], row["IN FILE"]), row["OFFSET"],
                    row["OFFSET"] + row["DURATION"], row["AUTO ID"])
            """, output)
        expectEqual(found, try expected(files), within: 2e-6)
    }

    @Test func richTranscriptionTimeMarks() throws {
        let output = try write("rttm", files)
        let found = try read(
            """
            import urllib.parse
            from pyannote.database.util import load_rttm
            for uri, annotation in load_rttm(sys.argv[1]).items():
                for segment, _, label in annotation.itertracks(yield_label=True):
                    add(urllib.parse.unquote(uri), segment.start, segment.end, label)
            """, output)
        expectEqual(found, try expected(files), within: 2e-6)
    }

    @Test func elan() throws {
        let output = try write("elan", files)
        let found = try read(
            """
            import pandas
            table = pandas.read_csv(sys.argv[1], sep="\\t", keep_default_na=False)
            assert list(table["Tier"]) == list(table["Annotation"])
            for row in table.to_dict("records"):
                add(row["File"], row["Begin Time - ss.msec"], row["End Time - ss.msec"], row["Annotation"])
            """, output)
        let names = try expected(files).map {
            Span(file: $0.file.replacing("\n", with: " "), start: $0.start, end: $0.end, label: $0.label)
        }
        expectEqual(found, names.sorted(), within: 1e-6)
    }

    /// Labels with commas and apostrophes.
    @Test func tablesAndLines() throws {
        let model = ["--model", "general", "--threshold", "0.001", "--threshold-off", "0.001"]
        let events = try expected(files, model)
        #expect(events.contains { $0.label.contains(",") })
        let csv = try read(
            """
            import duckdb
            options = '''header=true, quote='"', escape='"', strict_mode=false'''
            rows = duckdb.sql(f"SELECT stream, t0, t1, label FROM read_csv('{sys.argv[1]}', {options})").fetchall()
            for row in rows: add(*row)
            """, try write("csv", files, model))
        expectEqual(csv, events, within: 1e-9)
        let lines = try read(
            """
            import pandas
            table = pandas.read_json(sys.argv[1], lines=True)
            for row in table[(table.type == "event") & (table.phase == "end")].to_dict("records"):
                add(row["stream"], row["t0"], row["t1"], row["label"])
            """, try write("jsonl", files, model))
        expectEqual(lines, events, within: 1e-9)
    }

    /// Every format has a row for a file without a result, and its readers still read the others.
    @Test func failedFilesAreRows() throws {
        try folder.write(Array("text".utf8), to: "bad.wav")
        for format in ["jsonl", "csv", "tsv", "srt", "vtt", "audacity", "raven", "kaleidoscope", "rttm", "elan"] {
            let finished = try Program.run(["classify", path("bad.wav"), "--format", format])
            #expect(finished.status == 65)
            for word in ["bad.wav", "decode"] {
                #expect(finished.output.contains(word), "\(format): \(finished.output)")
            }
        }
        let output = path("mixed.rttm")
        let mixed = try Program.run(
            ["classify", path("bad.wav")] + files.map(path) + always + ["--format", "rttm", "--output", output])
        #expect(mixed.status == 65)
        let found = try Readers.run(
            """
            import sys
            from pyannote.database.util import load_rttm
            print(sum(len(list(found.itertracks())) for found in load_rttm(sys.argv[1]).values()))
            """,
            [output])
        #expect(found == "\(try expected(files).count)\n")
    }
}
