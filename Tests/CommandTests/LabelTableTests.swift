internal import AudioFrontend
internal import Testing
internal import audio_classifierd

/// Tables of labelled recordings.
@Suite struct LabelTableTests {
    private func rows(_ text: String, separator: String? = nil, namesFiles: Bool = true) throws -> [LabelTable.Row] {
        try LabelTable(text, "table", separator: separator, namesFiles: namesFiles).rows
    }

    private func label(_ text: String, _ range: ClosedRange<Double>? = nil) -> GivenLabel {
        GivenLabel(text: text, range: range)
    }

    @Test func quotedFieldsAndLines() throws {
        let text = "label , filename\n\"Bow-wow, \"\"bark\"\"\",\"two\nlines.wav\"\n\n plain ,b.wav"
        #expect(
            try rows(text) == [
                .init(line: 2, file: "two\nlines.wav", labels: [label("Bow-wow, \"bark\"")]),
                .init(line: 5, file: "b.wav", labels: [label("plain")]),
            ])
    }

    @Test func tabsSemicolonsAndNoHeader() throws {
        let expected = [LabelTable.Row(line: 1, file: "a.wav", labels: [label("dog", 0.5...1)])]
        #expect(try rows("a.wav\tdog\t0.5\t1\n") == expected)
        #expect(try rows("a.wav;dog;0.5;1") == expected)
        #expect(try rows("a.wav,dog,0.5,1\r\n") == expected)
        #expect(try rows("a.wav,dog") == [.init(line: 1, file: "a.wav", labels: [label("dog")])])
    }

    @Test func severalLabelsAndNone() throws {
        let text = "filename,onset,offset,event_label\na.wav,0,1,dog; cat;\na.wav,,,\na.wav,,,rain\n"
        #expect(
            try rows(text, separator: ";") == [
                .init(line: 2, file: "a.wav", labels: [label("dog", 0...1), label("cat", 0...1)]),
                .init(line: 3, file: "a.wav", labels: []), .init(line: 4, file: "a.wav", labels: [label("rain")]),
            ])
    }

    /// Raven saves a selection once for each view, and times of several files in a row beside those in each file.
    @Test func raven() throws {
        let columns = [
            "Selection", "View", "Begin Time (s)", "End Time (s)", "Begin Path", "File Offset (s)", "Species",
        ]
        let lines = [
            columns, ["1", "Waveform 1", "61.5", "62", "b.wav", "1.5", "dog"],
            ["1", "Spectrogram 1", "61.5", "62", "b.wav", "1.5", "dog"],
            ["2", "Spectrogram 1", "70", "71", "b.wav", "10", ""],
        ]
        let text = lines.map { $0.joined(separator: "\t") }.joined(separator: "\r\n")
        #expect(
            try rows(text) == [
                .init(line: 2, file: "b.wav", labels: [label("dog", 1.5...2)]),
                .init(line: 4, file: "b.wav", labels: []),
            ])
        // Beside a recording the times are those of the table.
        let beside = try rows(
            "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\t2\t3\tdog\n", namesFiles: false)
        #expect(beside == [.init(line: 2, file: nil, labels: [label("dog", 2...3)])])
    }

    @Test func audacity() throws {
        let failures = "0.0\t0.0\terror: cut: a.wav is cut\n0.0\t0.0\tskipped: format: a.m4a\n"
        let labels = try AudacityLabels.read(failures + "0.5\t1.25\tbow\twow\n\\\t200\t900\n2\t2\t\n", "labels")
        #expect(labels == [label("bow\twow", 0.5...1.25)])
    }
}
