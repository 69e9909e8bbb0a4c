import AudioFrontend
import CSndFile
import TestSupport
import Testing

/// Every other container, written by libsndfile: as a file, and as the same bytes in a pipe.
struct ContainerTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func encode(_ coding: Libsndfile.Coding, seconds: Double = 0.6) throws -> (path: String, [Float]) {
        let frames = Int(seconds * Double(coding.rate))
        let samples = testSignal(frames * coding.channels, seed: 9)
        let path = "\(folder.path)/sound.\(coding.name)"
        try Libsndfile.encode(samples, as: coding, to: path)
        let whole = try Libsndfile.decode(path)
        #expect(whole.rate == coding.rate)
        #expect(whole.channels == coding.channels)
        // These two pad their last block.
        let block = ["mp3": 4 * 1_152, "wav-adpcm": 1_017][coding.name] ?? 0
        #expect(abs(whole.samples.count / coding.channels - frames) <= block)
        return (path, whole.samples)
    }

    @Test(arguments: Libsndfile.codings)
    func fileAndPipe(_ coding: Libsndfile.Coding) throws {
        let (path, whole) = try encode(coding)
        let bytes = try folder.read("sound.\(coding.name)")
        for channel in 1...coding.channels {
            let expected = Libsndfile.channel(channel, of: whole, coding.channels)
            let file = try Reading(path: path, rate: coding.rate) { $0.selection = .channel(channel) }
            #expect(file.failure == nil)
            try compareBits(file.samples, with: expected, "\(coding.name), file, channel \(channel)")
            for chunk in [7, 4_096, nil] {
                let piped = try Reading(ByteFeeder(bytes, chunk: chunk), rate: coding.rate) {
                    $0.selection = .channel(channel)
                }
                #expect(piped.failure == nil)
                #expect(piped.sourceRate == coding.rate)
                try compareBits(piped.samples, with: expected, "\(coding.name), pipe, channel \(channel)")
            }
        }
    }

    /// Many programs write MP3 without a tag before the frames. libsndfile opens such a file by its name.
    @Test(arguments: [16_000, 44_100], [1, 2])
    func untaggedMP3(rate: Int, channels: Int) throws {
        let coding = Libsndfile.Coding(
            name: "mp3", format: SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, rate: rate, channels: channels)
        _ = try encode(coding)
        var bytes = try folder.read("sound.mp3")
        if bytes.starts(with: "ID3".utf8) {
            bytes.removeFirst(10 + bytes[6..<10].reduce(0) { $0 << 7 | Int($1) })
        }
        #expect(bytes[0] == 0xFF)
        try folder.write(bytes, to: "untagged.mp3")
        let whole = try Libsndfile.decode("\(folder.path)/untagged.mp3")
        let expected = Libsndfile.channel(channels, of: whole.samples, channels)
        // Neither the name of this file nor a pipe says what it is.
        try folder.write(bytes, to: "untagged")
        let file = try Reading(path: "\(folder.path)/untagged", rate: rate) { $0.selection = .channel(channels) }
        let piped = try Reading(ByteFeeder(bytes, chunk: 4_096), rate: rate) { $0.selection = .channel(channels) }
        for reading in [file, piped] {
            #expect(reading.failure == nil)
            try compareBits(reading.samples, with: expected, "\(rate) Hz, \(channels) channels")
        }
    }

    /// Tags and stray bytes behind a recording are no part of it, and no sign of a missing end.
    @Test(arguments: [SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, SF_FORMAT_OGG | SF_FORMAT_VORBIS])
    func bytesBehindTheEnd(format: Int) throws {
        _ = try encode(Libsndfile.Coding(name: "whole", format: format, rate: 16_000, channels: 1))
        let bytes = try folder.read("sound.whole")
        let whole = try Reading(ByteFeeder(bytes), rate: 16_000)
        #expect(whole.failure == nil && whole.truncation == nil && whole.samples.count > 9_000)
        let body = [UInt8](repeating: 0, count: 10)
        let tag = Array("ID3".utf8) + [3, 0, 0, 0, 0, 0, 10] + body
        let footer =
            Array("ID3".utf8) + [4, 0, 0x10, 0, 0, 0, 10] + body + Array("3DI".utf8) + [4, 0, 0x10, 0, 0, 0, 10]
        let old = Array("TAG".utf8) + [UInt8](repeating: 0x20, count: 125)
        let strays = [[0x0A], body, [UInt8](repeating: 0, count: 26)]
        let ends = format & SF_FORMAT_TYPEMASK == SF_FORMAT_OGG ? strays : strays + [tag, footer, tag + old]
        for end in ends {
            let reading = try Reading(ByteFeeder(bytes + end), rate: 16_000)
            #expect(reading.failure == nil && reading.truncation == nil, "\(end.count) bytes")
            try compareBits(reading.samples, with: whole.samples, "\(end.count) bytes")
        }
    }

    /// A recording without a tag may follow one whose tag says how many frames it has.
    @Test func concatenatedMP3() throws {
        let format = SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III
        _ = try encode(Libsndfile.Coding(name: "whole", format: format, rate: 16_000, channels: 1))
        let tagged = try folder.read("sound.whole")
        let one = try Reading(ByteFeeder(tagged), rate: 16_000)
        let frame = tagged.firstRange(of: Array("Info".utf8)) ?? tagged.firstRange(of: Array("Xing".utf8))
        let beginning = try #require(frame).lowerBound
        // The frame of the tag is left out: the next one begins after it.
        let next = try #require(tagged[(beginning + 4)...].firstRange(of: tagged[(beginning - 13)..<(beginning - 11)]))
        let untagged = Array(tagged[next.lowerBound...])
        let two = try Reading(ByteFeeder(tagged + untagged), rate: 16_000)
        #expect(two.failure == nil && two.truncation == nil)
        // A decoder may drop a frame or two at a seam.
        #expect(two.samples.count > 2 * one.samples.count - 4 * 576, "\(one.samples.count), \(two.samples.count)")
    }

    @Test func bytesOneByOne() throws {
        let coding = Libsndfile.codings[0]
        let (_, whole) = try encode(coding, seconds: 0.2)
        let bytes = try folder.read("sound.\(coding.name)")
        try compareBits(Reading(ByteFeeder(bytes, chunk: 1), rate: coding.rate).samples, with: whole, coding.name)
    }

    /// An interrupted download: exactly the samples that exist are delivered.
    @Test(arguments: Libsndfile.codings)
    func cutFiles(_ coding: Libsndfile.Coding) throws {
        // Long enough for a page of Ogg, which holds about a second, to be whole.
        let (_, whole) = try encode(coding, seconds: 3)
        let bytes = try folder.read("sound.\(coding.name)")
        let expected = Libsndfile.channel(1, of: whole, coding.channels)
        for part in [0.97, 0.6] {
            let cut = Array(bytes[..<Int(Double(bytes.count) * part)])
            try folder.write(cut, to: "cut.\(coding.name)")
            let read: Reading
            do {
                read = try Reading(path: "\(folder.path)/cut.\(coding.name)", rate: coding.rate) {
                    $0.selection = .channel(1)
                }
            } catch let error as AudioError {
                // ALAC has its table of packets after them.
                #expect(coding.name == "caf", "\(error)")
                #expect(error.code == .decode)
                continue
            }
            #expect(read.failure.map { $0.code == .decode } ?? true)
            #expect(read.samples.count <= expected.count)
            let piped = try Reading(ByteFeeder(cut), rate: coding.rate) { $0.selection = .channel(1) }
            try compareBits(piped.samples, with: read.samples, "\(coding.name), cut, pipe and file")
        }
    }
}
