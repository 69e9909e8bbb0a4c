internal import AudioClassifier
internal import Testing

/// Records as rows of CSV (RFC 4180) and TSV.
@Suite struct TableTests {
    private static let awkward = [
        "plain", "", "a,b", "\"", "say \"horn\"", "two\nlines", "two\r\nlines", "cr\rcr", ",\"\r\n,", "tab\ttab",
        "\"\u{301}", ",\u{301}", "كلب",
    ]

    private func rows(_ format: OutputFormat, _ records: [Record], _ mode: ReportMode = .summary) -> [String] {
        records.flatMap { RecordLayout(format, mode).lines($0, file: "f") }
    }

    /// A reader of RFC 4180, written from the standard: one line, which may contain line breaks in quotes.
    private func fields(ofCSV line: String) -> [String] {
        var fields: [String] = []
        var field = String.UnicodeScalarView()
        var isQuoted = false
        var scalars = line.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\"" where isQuoted && scalars.first == "\"": field.append(scalars.removeFirst())
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                fields.append(String(field))
                field = .init()
            default: field.append(scalar)
            }
        }
        return fields + [String(field)]
    }

    private func equal(_ left: [String], _ right: [String]) -> Bool {
        left.elementsEqual(right) { $0.unicodeScalars.elementsEqual($1.unicodeScalars) }
    }

    @Test(arguments: awkward)
    func commaSeparatedFieldsSurvive(text: String) {
        let record = Record.summary(file: text, seconds: 1.5, top: [.init(label: text, probability: 0.25)])
        let rows = rows(.csv, [record])
        #expect(rows.count == 1)
        #expect(equal(fields(ofCSV: rows[0]), [text, "1.5", "1", text, "0.25"]), "\(rows)")
    }

    @Test func quotesOnlyWhereNeeded() {
        func row(_ text: String) -> String {
            rows(.csv, [.summary(file: text, seconds: 0, top: [.init(label: "a", probability: 1)])])[0]
        }
        #expect(row("a b") == "a b,0,1,a,1")
        #expect(row("a,b") == "\"a,b\",0,1,a,1")
        #expect(row("a\"b") == "\"a\"\"b\",0,1,a,1")
        #expect(row("a\nb") == "\"a\nb\",0,1,a,1")
    }

    @Test(arguments: awkward)
    func tabSeparatedFieldsHoldNoSeparator(text: String) {
        let record = Record.summary(file: text, seconds: 1.5, top: [.init(label: text, probability: 0.25)])
        let row = rows(.tsv, [record])[0]
        #expect(!row.unicodeScalars.contains { "\n\r".unicodeScalars.contains($0) })
        let fields = row.unicodeScalars.split(separator: "\t", omittingEmptySubsequences: false)
        #expect(fields.count == 5)
    }

    @Test func headersMatchRows() throws {
        let top = [Classification(label: "a", probability: 0.5), Classification(label: "b", probability: 0.25)]
        let frame = Record.frame(stream: "s", frame: 3, sample: 640, time: 0.04, warm: false, top: top, level: -20.04)
        let start = Record.event(id: "i", phase: .start, stream: "s", label: "a", start: 1, end: nil, peak: 0.5)
        let end = Record.event(id: "i", phase: .end, stream: "s", label: "a", start: 1, end: 2.5, peak: 0.75)
        let summary = Record.summary(file: "f", seconds: 2, top: top)
        let others = [
            Record.start(stream: "s", file: nil, rate: 1, hop: 1, model: "m", modelHash: "h", labels: 1),
            Record.error(file: "f", code: "c", message: "m"), Record.end(stream: "s", frames: 1, dropped: 0),
        ]
        #expect(rows(.csv, others).isEmpty, "a table holds only the records of its columns")
        #expect(rows(.csv, [frame]) == ["s,3,640,0.04,false,1,a,0.5,-20", "s,3,640,0.04,false,2,b,0.25,-20"])
        #expect(rows(.csv, [start, end]) == ["i,s,a,1,2.5,0.75"], "an event is one row, reported at its end")
        #expect(rows(.csv, [summary]) == ["f,2,1,a,0.5", "f,2,2,b,0.25"])
        let short = Record.summary(file: "f", seconds: 0.1, top: [])
        #expect(rows(.csv, [short]) == ["f,0.1,,,"], "a recording shorter than a prediction has its row")
        #expect(rows(.tsv, [end]) == ["i\ts\ta\t1\t2.5\t0.75"])
        let expected: [(ReportMode, Record)] = [
            (.frames, frame), (.changes, frame), (.events, end), (.summary, summary),
        ]
        for (mode, record) in expected {
            let header = try #require(RecordLayout(.csv, mode).header)
            #expect(fields(ofCSV: header).count == fields(ofCSV: rows(.csv, [record])[0]).count)
            #expect(RecordLayout(.tsv, mode).header == header.split(separator: ",").joined(separator: "\t"))
            #expect(RecordLayout(.jsonl, mode).header == nil)
        }
    }

    /// Columns of absolute times, of files and of errors follow the usual ones, in every row.
    @Test func furtherColumns() throws {
        let frame = Record.frame(
            stream: "s", frame: 3, sample: 640, time: 0.04, warm: false, top: [.init(label: "a", probability: 0.5)],
            level: -20)
        let window = Record.window(file: "f", start: 3, end: 6, top: [])
        let error = Record.error(file: "f", code: "decode", message: "is text")
        let skipped = Record.skipped(file: "f", code: "format", message: "cannot")
        for (mode, record) in [(ReportMode.frames, frame), (.summary, window)] {
            var layout = RecordLayout(.csv, mode)
            layout.isWindowed = mode == .summary
            (layout.includesFile, layout.includesTime, layout.includesErrors) = (true, true, true)
            let header = fields(ofCSV: try #require(layout.header))
            for record in [record, error, skipped] {
                let row = fields(ofCSV: try #require(layout.lines(record, file: "f", startTime: 1e9).first))
                #expect(row.count == header.count)
                #expect(row[try #require(header.firstIndex(of: "file"))] == "f")
            }
            #expect(layout.lines(error, file: "f").last?.hasSuffix(",decode: is text") == true)
            #expect(layout.lines(skipped, file: "f").last?.hasSuffix(",skipped: format: cannot") == true)
        }
        var json = RecordLayout(.jsonl, .frames)
        (json.includesFile, json.includesTime) = (true, true)
        #expect(
            json.lines(frame, file: "f", startTime: 1e9) == [
                frame.json.dropLast() + #","file":"f","time":1000000000.04}"#
            ])
        #expect(json.lines(frame, file: "f") == [frame.json.dropLast() + #","file":"f"}"#], "no time is known")
    }

    @Test func linesOfJSONAreTheRecord() {
        let record = Record.end(stream: "s", frames: 1, dropped: 0)
        #expect(rows(.jsonl, [record]) == [record.json])
    }
}
