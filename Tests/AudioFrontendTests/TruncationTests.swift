import AudioFrontend
import TestSupport
import Testing

/// A truncated file of any container is reported as truncated, and a whole one is not.
struct TruncationTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test(arguments: Libsndfile.codings)
    func cut(_ coding: Libsndfile.Coding) throws {
        let path = "\(folder.path)/sound.\(coding.name)"
        try Libsndfile.encode(testSignal(4 * coding.rate * coding.channels, seed: 61), as: coding, to: path)
        let bytes = try folder.read("sound.\(coding.name)")
        for read in [try Reading(path: path, rate: coding.rate), try Reading(ByteFeeder(bytes), rate: coding.rate)] {
            #expect(read.truncation == nil, "\(coding.name), whole")
        }
        // ALAC has its table of packets after them, and cannot be decoded without it.
        guard coding.name != "caf" else { return }
        for part in [0.4, 0.7, 0.95] {
            let cut = Array(bytes[..<Int(Double(bytes.count) * part)])
            try folder.write(cut, to: "cut")
            let file = try Reading(path: "\(folder.path)/cut", rate: coding.rate)
            let piped = try Reading(ByteFeeder(cut), rate: coding.rate)
            #expect(file.truncation != nil || file.failure != nil, "\(coding.name), cut at \(part)")
            #expect(file.truncation == piped.truncation)
            if coding.name.hasPrefix("flac") {
                #expect(file.truncation?.contains("samples more") == true && file.failure == nil, "cut at \(part)")
            }
            try compareBits(piped.samples, with: file.samples, coding.name)
        }
    }

    /// An MP3 without a count of its frames is found to be truncated by its last frame.
    @Test func withoutInformation() throws {
        let coding = try #require(Libsndfile.codings.first { $0.name == "mp3" })
        try Libsndfile.encode(testSignal(80_000, seed: 62), as: coding, to: "\(folder.path)/a.mp3")
        let bytes = Array(try folder.read("a.mp3").dropFirst(2_000))
        #expect(try Reading(ByteFeeder(bytes), rate: 44_100).truncation == nil)
        let cut = try Reading(ByteFeeder(Array(bytes.dropLast(50))), rate: 44_100)
        #expect(cut.truncation == "it ends inside a frame")
        // A tag after the frames is not a frame.
        let tag = Array("TAG".utf8) + [UInt8](repeating: 0x20, count: 125)
        #expect(try Reading(ByteFeeder(bytes + tag), rate: 44_100).truncation == nil)
        // A tag that states no length ends all the same.
        let empty = Array("APETAGEX".utf8) + [UInt8](repeating: 0, count: 24)
        _ = try Reading(ByteFeeder(bytes + empty + bytes), rate: 44_100)
    }
}
