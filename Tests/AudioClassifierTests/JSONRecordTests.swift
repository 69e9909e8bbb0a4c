internal import AudioClassifier
internal import Foundation
internal import Testing

/// Records as JSON lines, read back by another parser.
@Suite struct JSONRecordTests {
    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    private static let texts = [
        "plain", "", "\"", "\\", "\\\"", "a\"b\\c/d", "\n\r\t", "\r\n", "\u{8}\u{C}\u{B}", "\u{7F}", "\u{2028}\u{2029}",
        "a\u{FEFF}b", "na\u{EF}ve", "e\u{301}", "\"\u{301}", "\u{1F415}\u{200D}\u{1F9BA}", "كلب", "\u{FFFF}",
        "\u{10FFFF}", "{\"type\":\"end\"}", "%s %d", String(repeating: "\"\\", count: 1000),
        String(String.UnicodeScalarView((0..<0x20).compactMap(Unicode.Scalar.init))),
    ]

    @Test(arguments: texts)
    func stringsSurvive(text: String) throws {
        let record = Record.error(file: text, code: "decode", message: text)
        #expect(!record.json.unicodeScalars.contains { $0.value < 0x20 }, "a record is one line")
        let object = try object(record.json)
        // Compared by scalars, since Swift compares strings by canonical equivalence.
        #expect((object["file"] as? String)?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        #expect((object["message"] as? String)?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    }

    @Test func everyScalarIsQuotedSoundly() throws {
        let scalars = (UInt32(0)...0x10FFFF).lazy.filter { $0 < 0x300 || $0 % 997 == 0 || $0 > 0x10FF00 }
        let text = String(String.UnicodeScalarView(scalars.compactMap(Unicode.Scalar.init)))
        let object = try object(Record.error(file: text, code: "decode", message: "").json)
        #expect((object["file"] as? String)?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    }

    @Test func recordsAreTheDocumentedLines() {
        let top = [
            Classification(label: "yes", probability: 0.91), Classification(label: "no", probability: 0.00004),
        ]
        let records: [(Record, String)] = [
            (
                .start(
                    stream: "mic0", file: nil, rate: 16000, hop: 160, model: "keywords-en", modelHash: "ab",
                    labels: 12),
                #"{"type":"start","v":1,"stream":"mic0","rate":16000,"hop":160,"model":"keywords-en","#
                    + #""model_sha256":"ab","labels":12}"#
            ),
            (
                .start(stream: "s", file: "a.wav", rate: 8000, hop: 1, model: "m", modelHash: "0", labels: 1),
                #"{"type":"start","v":1,"stream":"s","file":"a.wav","rate":8000,"hop":1,"model":"m","#
                    + #""model_sha256":"0","labels":1}"#
            ),
            (
                .frame(
                    stream: "mic0", frame: 812, sample: 129920, time: 8.12, warm: true, top: top, level: -31.2),
                #"{"type":"frame","v":1,"stream":"mic0","frame":812,"sample":129920,"t":8.12,"warm":true,"#
                    + #""top":[{"label":"yes","p":0.91},{"label":"no","p":0}],"dbfs":-31.2}"#
            ),
            (
                .event(
                    id: "mic0-129920-yes", phase: .start, stream: "mic0", label: "yes", start: 8.12, end: nil,
                    peak: 0.91),
                #"{"type":"event","v":1,"id":"mic0-129920-yes","phase":"start","stream":"mic0","label":"yes","#
                    + #""t0":8.12,"t1":null,"p_max":0.91}"#
            ),
            (
                .event(id: "i", phase: .end, stream: "s", label: "yes", start: 8.12, end: 8.64, peak: 0.97),
                #"{"type":"event","v":1,"id":"i","phase":"end","stream":"s","label":"yes","t0":8.12,"t1":8.64,"#
                    + #""p_max":0.97}"#
            ),
            (
                .summary(file: "a.wav", seconds: 5, top: []),
                #"{"type":"summary","v":1,"file":"a.wav","seconds":5,"top":[]}"#
            ),
            (
                .window(file: "a.wav", start: 3, end: 6, top: [.init(label: "yes", probability: 0.5)]),
                #"{"type":"window","v":1,"file":"a.wav","t0":3,"t1":6,"top":[{"label":"yes","p":0.5}]}"#
            ),
            (
                .summary(file: "a.wav", seconds: 5, top: [], warnings: ["a.wav is cut: \"x\"", "b"]),
                #"{"type":"summary","v":1,"file":"a.wav","seconds":5,"top":[],"warnings":["a.wav is cut: \"x\"","b"]}"#
            ),
            (
                .window(file: "a.wav", start: 3, end: 6, top: [], warnings: ["b"]),
                #"{"type":"window","v":1,"file":"a.wav","t0":3,"t1":6,"top":[],"warnings":["b"]}"#
            ),
            (
                .end(stream: "mic0", frames: 3000, dropped: 0, warnings: ["b"]),
                #"{"type":"end","v":1,"stream":"mic0","frames":3000,"dropped":0,"warnings":["b"]}"#
            ),
            (
                .skipped(file: "b.m4a", code: "format", message: "..."),
                #"{"type":"skipped","v":1,"file":"b.m4a","code":"format","message":"..."}"#
            ),
            (
                .error(file: "b.wav", code: "decode", message: "..."),
                #"{"type":"error","v":1,"file":"b.wav","code":"decode","message":"..."}"#
            ),
            (
                .end(stream: "mic0", frames: 3000, dropped: 0),
                #"{"type":"end","v":1,"stream":"mic0","frames":3000,"dropped":0}"#
            ),
        ]
        for (record, line) in records { #expect(record.json == line) }
    }
}
