internal import AudioClassifier
internal import AudioFrontend
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// Labels that stand more than once in the data of `evaluate`.
@Suite struct RepeatedLabelTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func write(_ text: String, _ name: String) throws { try folder.write(Array(text.utf8), to: name) }

    private func read(_ name: String) throws -> LabelledData {
        var data = LabelledData()
        try data.add(FileName("\(folder.path)/\(name)"))
        return data
    }

    @Test func aRowThatIsThereTwiceCountsOnce() throws {
        try write("filename,label\na.wav,dog\nb.wav,dog\na.wav,dog\na.wav,cat\n", "table.csv")
        let data = try read("table.csv")
        #expect(data.recordings.map { $0.labels.map(\.text) } == [["dog", "cat"], ["dog"]])
        #expect(data.notes == ["labels that are given twice count once: 1 (the first is of \(folder.path)/a.wav)"])
    }

    @Test func oneFileOfTwoNames() throws {
        try folder.write(WaveFile(Sound.samples(1600)).bytes, to: "a.wav")
        try write("filename,label\na.wav,dog\n./a.wav,dog\n./a.wav,cat\n", "table.csv")
        #expect(try read("table.csv").recordings.map { $0.labels.map(\.text) } == [["dog", "cat"]])
    }

    @Test func theSameLabelAtOtherTimesIsAnother() throws {
        try write("filename,label,onset,offset\na.wav,dog,0,1\na.wav,dog,2,3\na.wav,dog,0,1\n", "table.csv")
        let data = try read("table.csv")
        #expect(data.recordings.first?.labels.map(\.range) == [0...1, 2...3])
        #expect(data.notes.count == 1)
    }

    @Test(arguments: ["label,label,file", "file,label,File", "file,label,onset,offset,Onset"])
    func twoColumnsOfOneName(header: String) throws {
        try write(header + "\n", "table.csv")
        let error = #expect(throws: ClassifierError.self) { try read("table.csv") }
        #expect(error?.message.contains("table.csv:1: two columns are named ") == true)
    }

    @Test(arguments: ["1e300", "-1", "nan", "1e9"])
    func impossibleOffsetOfAFile(offset: String) throws {
        try write(
            "Begin File\tFile Offset (s)\tBegin Time (s)\tEnd Time (s)\tlabel\na.wav\t\(offset)\t0\t1\tup\n", "t.txt")
        let error = #expect(throws: ClassifierError.self) { try read("t.txt") }
        #expect(error?.message.contains("t.txt:2: \"\(offset)\" is no time") == true, "\(String(describing: error))")
    }

    @Test func labelsOfAnotherRecording() throws {
        for name in ["a", "b"] { try folder.write(WaveFile(Sound.samples(1600)).bytes, to: "\(name).wav") }
        try write("filename,label,onset,offset\nb.wav,up,0,0.1\n", "a.txt")
        try write("filename,label,onset,offset\nold/B.flac,up,0,0.1\nb.flac,up,0.05,0.1\n", "b.txt")
        let data = try read("")
        #expect(data.failures.map(\.message).contains { $0.contains("a.txt:2: the label is of b.wav") })
        #expect(data.failures.map(\.message).contains { $0.contains("b.txt:2: the label is of old/B.flac") })
        #expect(data.recordings.isEmpty)
    }

    @Test func twoFilesOfLabels() throws {
        try folder.write(WaveFile(Sound.samples(1600)).bytes, to: "a.wav")
        try write("0.1\t0.2\tdog\n", "a.audacity.txt")
        try write("0.1\t0.3\tcat\n", "a.txt")
        let data = try read("")
        #expect(data.recordings.first?.labels.map(\.text) == ["dog"])
        #expect(data.notes.count == 1)
        #expect(data.notes.first?.contains("a.audacity.txt, and not ") == true, "\(data.notes)")
    }
}
