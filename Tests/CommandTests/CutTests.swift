internal import TestSupport
internal import Testing

/// A file and a stream of the same bytes give the same frames, byte for byte, for every way in which they are cut.
@Suite struct CutTests {
    struct Recording: CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        /// Number of bytes of 10 ms.
        let hop: Int
        var testDescription: String { name }
    }

    private static let recordings: [Recording] = {
        let mono = WaveFile(Sound.samples(6400))
        var stereo = WaveFile(Sound.samples(2 * 19200))
        (stereo.rate, stereo.channels) = (48000, 2)
        let float = WaveFile(Sound.samples(6400).map { Float($0) / 30000 })
        return [
            Recording(name: "16 kHz mono s16", bytes: mono.bytes, hop: 320),
            Recording(name: "48 kHz stereo s16", bytes: stereo.bytes, hop: 1920),
            Recording(name: "16 kHz mono f32", bytes: float.bytes, hop: 640),
        ]
    }()

    @Test(arguments: recordings)
    func fileAndStreamAgree(recording: Recording) throws {
        let folder = try TemporaryDirectory()
        try folder.write(recording.bytes, to: "a.wav")
        let file = try Program.run(["classify", "\(folder.path)/a.wav", "--emit", "frames"])
        #expect(file.status == 0, "\(file.errors)")
        let expected = file.lines("frame")
        #expect(expected.count > 7)
        let name = ["--source-name", "\(folder.path)/a.wav"]
        let whole = try Program.run(["run", "\(folder.path)/a.wav"] + name)
        #expect(whole.lines("frame") == expected, "run with a file")
        for piece in [1, 7, recording.hop, 4096, recording.bytes.count] {
            let stream = try Program.run(["run", "-"] + name, input: recording.bytes, piece: piece)
            #expect(stream.status == 0 && stream.errors == "")
            #expect(stream.lines("frame") == expected, "in pieces of \(piece)")
        }
    }

    @Test(arguments: ["s16le", "s24le", "f32le"])
    func cutsOfARawStreamAgree(format: String) throws {
        let samples = Sound.samples(4800)
        let bytes: [UInt8] =
            switch format {
            case "s16le": Sound.raw(samples)
            case "s24le": samples.flatMap { [0] + Sound.raw([$0]) }
            default: Sound.raw(samples.map { Float($0) / 32768 })
            }
        let arguments = ["run", "-", "--input-format", "raw", "--sample-format", format]
        // All three formats hold the same numbers.
        let expected = try Program.run(["run", "-", "--input-format", "raw"], input: Sound.raw(samples))
        #expect(expected.lines("frame").count > 5)
        for piece in [1, 7, 160 * bytes.count / samples.count, 4096, bytes.count] {
            let stream = try Program.run(arguments, input: bytes, piece: piece)
            #expect(stream.status == 0 && stream.errors == "")
            #expect(stream.output == expected.output, "in pieces of \(piece)")
        }
    }
}
