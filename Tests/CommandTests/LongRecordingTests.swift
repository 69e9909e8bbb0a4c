internal import TestSupport
internal import Testing

/// A recording whose parts are encoded on several threads has, byte for byte, the records of a stream.
@Suite struct LongRecordingTests {
    /// Six minutes, which are several parts, and a remainder that is no whole frame.
    private static let samples = Sound.samples(6 * 60 * 16000 + 77)

    @Test(arguments: ["keywords-en", "environment"])
    func equalsAStream(model: String) throws {
        let folder = try TemporaryDirectory()
        let file = "\(folder.path)/long.wav"
        try folder.write(WaveFile(Self.samples).bytes, to: "long.wav")
        let events = ["--emit", "events", "--min-dbfs", "-100", "--threshold", "0.02", "--min-duration-ms", "40"]
        for options in [["--emit", "frames"], events] {
            let options = options + ["--model", model]
            let stream = try Program.run(["run", file, "--source-name", file] + options)
            #expect(stream.lines.count > 20)
            for threads in ["1", "2", "5"] {
                let parts = try Program.run(["classify", file, "--threads", threads] + options)
                #expect(parts.status == 0 && parts.errors == "")
                #expect(parts.output == stream.output, "\(threads) threads, \(options)")
            }
        }
    }

    /// Threads that have no further file take parts of those that are left.
    @Test func lastFileOfAnArchive() throws {
        let folder = try TemporaryDirectory()
        try folder.write(WaveFile(Self.samples).bytes, to: "a.wav")
        for name in ["b.wav", "c.wav"] { try folder.write(WaveFile(Sound.samples(32000)).bytes, to: name) }
        for options in [[], ["--window", "7"]] {
            let one = try Program.run(["classify", folder.path, "--threads", "1"] + options)
            #expect(one.lines.count >= 3)
            for _ in 0..<3 {
                let many = try Program.run(["classify", folder.path, "--threads", "3"] + options)
                #expect(many.output == one.output)
            }
        }
    }

    /// What was good before a wrong sample has its records, and the error is that of a stream.
    @Test func wrongSample() throws {
        let folder = try TemporaryDirectory()
        var samples = Self.samples.map { Float($0) / 32768 }
        samples[5 * 60 * 16000 + 5] = .nan
        let file = "\(folder.path)/wrong.wav"
        try folder.write(WaveFile(samples).bytes, to: "wrong.wav")
        let stream = try Program.run(["run", file, "--source-name", file])
        #expect(stream.lines("frame").count > 7000)
        let parts = try Program.run(["classify", file, "--threads", "3", "--emit", "frames"])
        #expect(parts.status == stream.status && stream.status == 65)
        #expect(parts.lines("frame") == stream.lines("frame"))
        #expect(parts.lines("end") == stream.lines("end"))
        #expect(parts.errors.contains("sample 4800005 (300.0 s) is not a finite number"))
    }
}
