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
