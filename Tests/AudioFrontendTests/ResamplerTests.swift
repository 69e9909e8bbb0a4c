import AudioFrontend
import TestSupport
import Testing

/// Changes of sample rate, measured at the output of an input.
struct ResamplerTests {
    private func resample(
        _ samples: [Float], from rate: Int, to target: Int = 16_000, chunk: Int? = nil,
        through channel: ByteFeeder.Channel = .pipe
    ) throws -> [Float] {
        let bytes = RawSamples.encode(samples.map(Double.init), as: .f32le)
        let read = try Reading(ByteFeeder(bytes, chunk: chunk, through: channel), rate: target) {
            $0.container = .raw
            $0.sampleFormat = .f32le
            $0.sampleRate = rate
        }
        #expect(read.failure == nil)
        return read.samples
    }

    static let rates = [48_000, 44_100, 8_000, 22_050, 96_000, 11_025, 192_000]

    /// A sine comes out as the same sine at the new rate, at the same time.
    @Test(arguments: rates)
    func sineStays(_ rate: Int) throws {
        // A period is not a whole number of samples, so that a delay of one period would be visible, too.
        let pitch = 1_003.0
        let input = (0..<rate).map { Float(0.5 * sine(cycles: pitch * Double($0) / Double(rate))) }
        let output = try resample(input, from: rate)
        #expect(abs(output.count - 16_000) <= 1)
        let expected = (0..<output.count).map { 0.5 * sine(cycles: pitch * Double($0) / 16_000) }
        // The filter has no samples before the first and after the last one.
        let middle = 300..<output.count - 300
        try compare(Array(output[middle]), with: Array(expected[middle]), absolute: 1e-5, "\(rate) Hz to 16000 Hz")
    }

    /// There is no delay: a click keeps its position.
    @Test(arguments: rates)
    func clickStays(_ rate: Int) throws {
        for second in [0.1, 0.25, 0.9] {
            var input = [Float](repeating: 0, count: rate)
            let position = Int(second * Double(rate))
            input[position] = 1
            let output = try resample(input, from: rate)
            let loudest = output.indices.max { abs(output[$0]) < abs(output[$1]) } ?? 0
            // It may lie between two samples, which are then equally loud.
            #expect(abs(Double(loudest) - Double(position) * 16_000 / Double(rate)) <= 0.51)
        }
    }

    /// The number of output samples corresponds to the duration of the input.
    @Test(arguments: rates, [1, 2, 100, 4_095, 4_096, 4_097, 33_333])
    func length(_ rate: Int, _ count: Int) throws {
        let output = try resample(testSignal(count), from: rate)
        let exact = Double(count) * 16_000 / Double(rate)
        #expect(abs(Double(output.count) - exact) <= 1)
    }

    /// The same samples give the same bits for every way in which they are cut.
    @Test(arguments: rates, [4, 28, 636, 4_096])
    func cutsChangeNothing(_ rate: Int, _ chunk: Int) throws {
        let input = testSignal(chunk == 4 ? 6_000 : 20_000)
        let whole = try resample(input, from: rate)
        let pieces = try resample(input, from: rate, chunk: chunk, through: .packets)
        try compareBits(pieces, with: whole, "\(rate) Hz in pieces of \(chunk) bytes")
    }

    /// A file, which is read in blocks of another size, and the same file in a pipe.
    @Test(arguments: [44_100, 48_000])
    func fileAndPipe(_ rate: Int) throws {
        var wave = WaveBytes(format: .s16le, rate: rate, channels: 2)
        wave.data = RawSamples.bytes(.s16le, count: 2 * 30_000, seed: 21)
        let folder = try TemporaryDirectory()
        try folder.write(wave.bytes, to: "a.wav")
        let file = try Reading(path: "\(folder.path)/a.wav", rate: 16_000)
        let piped = try Reading(ByteFeeder(wave.bytes, chunk: 1_001), rate: 16_000)
        try compareBits(piped.samples, with: file.samples, "\(rate) Hz, file and pipe")
    }

    @Test(arguments: rates)
    func silenceStays(_ rate: Int) throws {
        let output = try resample([Float](repeating: 0, count: rate / 4), from: rate)
        #expect(output.firstIndex { $0 != 0 } == nil)
    }

    /// Frequencies above half the new rate must not appear as other tones.
    @Test func noAliases() throws {
        let input = (0..<48_000).map { Float(0.5 * sine(cycles: 11_000 * Double($0) / 48_000)) }
        let output = try resample(input, from: 48_000)
        #expect(output[300..<15_700].allSatisfy { abs($0) < 1e-5 })
    }
}
