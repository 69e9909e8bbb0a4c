internal import AudioClassifier
internal import Testing

/// Labels in the formats of other programs: times, escapes, texts that would break a format.
@Suite struct LabelFormatTests {
    private func lines(_ format: OutputFormat, _ label: String, file: String = "d/a.wav") -> [String] {
        var writer = LabelWriter(format, sampleRate: 16000)
        return writer.lines(
            file, [LabelledSpan(label: label, start: 3661.0005, end: 3662.25, probability: 0.5)], seconds: 4000)
    }

    @Test func times() {
        #expect(lines(.srt, "dog") == ["1", "01:01:01,001 --> 01:01:02,250", "dog", ""])
        #expect(lines(.vtt, "dog") == ["01:01:01.001 --> 01:01:02.250", "dog", ""])
        #expect(lines(.audacity, "dog") == ["3661.000500\t3662.250000\tdog"])
        #expect(lines(.rttm, "dog") == ["SPEAKER d/a.wav 1 3661.000500 1.249500 <NA> <NA> dog 0.5 <NA>"])
    }

    /// No text of a label or a name adds a line, a field or a mark of its format.
    @Test(arguments: ["a\nb", "a\r\nb", "a\tb", "a\u{2028}b", "a\u{85}b"])
    func lineEndsBecomeSpaces(label: String) {
        for format in OutputFormat.allCases where format.isOfLabels {
            let text = lines(format, label).joined(separator: "\n")
            let count = lines(format, "a b").count
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == count, "\(format)")
            #expect(text.contains("a b") || text.contains("a_b") || text.contains("a  b"), "\(format): \(text)")
        }
    }

    @Test func escapes() {
        #expect(lines(.vtt, "<i> --> & b")[1] == "&lt;i&gt; --&gt; &amp; b")
        #expect(lines(.rttm, "Bow-wow, bark", file: "a b%.wav")[0].hasPrefix("SPEAKER a%20b%25.wav 1 "))
        #expect(lines(.rttm, "\"a\"", file: "\"a\"")[0].hasPrefix("SPEAKER %22a%22 1 "))
        #expect(lines(.rttm, "\"a\"")[0].contains(" 'a' "))
        #expect(lines(.rttm, "Bow-wow, bark")[0].contains(" Bow-wow,_bark "))
        #expect(
            lines(.kaleidoscope, "a,b", file: "/x/y/z.wav")[0].hasPrefix("/x,y,z.wav,0,3661.000500,1.249500,,,\"a,b\",")
        )
        #expect(lines(.kaleidoscope, "a", file: "z.wav")[0].hasPrefix(",,z.wav,"))
        #expect(lines(.rttm, "")[0] == "SPEAKER d/a.wav 1 3661.000500 1.249500 <NA> <NA> <NA> 0.5 <NA>")
    }

    @Test func rowsAreSortedAndCountedThroughRecordings() {
        var writer = LabelWriter(.raven, sampleRate: 16000)
        let spans = [
            LabelledSpan(label: "b", start: 2, end: 3, probability: 1),
            LabelledSpan(label: "a", start: 1, end: 4, probability: 1),
        ]
        let first = writer.lines("1", spans, seconds: 5)
        let second = writer.lines("2", spans, seconds: 5)
        let fields = (first + second).map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        #expect(fields.map { $0[0] } == ["1", "2", "3", "4"])
        #expect(fields.map { $0[3] } == ["1.000000", "2.000000", "6.000000", "7.000000"])
        #expect(fields.map { $0[8] } == ["1.000000", "2.000000", "1.000000", "2.000000"])
        #expect(fields.map { $0[10] } == ["a", "b", "a", "b"])
        // A run that goes on counts from where it was.
        var resumed = LabelWriter(.raven, sampleRate: 16000, rows: 2, seconds: 5)
        #expect(resumed.lines("2", spans, seconds: 5) == second)
    }

    @Test func failuresAreRowsWithoutDuration() {
        let record = Record.error(file: "x.wav", code: "decode", message: "x.wav: --> is text")
        for format in OutputFormat.allCases where format.isOfLabels {
            var writer = LabelWriter(format, sampleRate: 16000)
            let text = writer.lines(record).joined(separator: "\n")
            #expect(text.contains("x.wav") && text.contains("decode"), "\(format): \(text)")
            #expect(format != .vtt || !text.contains("-->"), "a note holds no arrow")
            #expect(writer.rows == 1)
        }
    }
}
