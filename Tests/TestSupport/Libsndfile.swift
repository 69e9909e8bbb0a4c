internal import CSndFile

/// libsndfile itself: the reference of the decoder, and the encoder of every container.
package enum Libsndfile {
    /// A container and a coding, with a name for the test's output.
    package struct Coding: CustomStringConvertible, Sendable {
        package let name: String
        package let format: Int
        package let rate: Int
        package let channels: Int
        package var description: String { "\(name), \(rate) Hz, \(channels) channels" }

        package init(name: String, format: Int, rate: Int, channels: Int) {
            self.name = name
            self.format = format
            self.rate = rate
            self.channels = channels
        }
    }

    package static let codings = [
        Coding(name: "flac", format: SF_FORMAT_FLAC | SF_FORMAT_PCM_16, rate: 16000, channels: 1),
        Coding(name: "flac-24", format: SF_FORMAT_FLAC | SF_FORMAT_PCM_24, rate: 96000, channels: 3),
        Coding(name: "vorbis", format: SF_FORMAT_OGG | SF_FORMAT_VORBIS, rate: 22050, channels: 2),
        Coding(name: "opus", format: SF_FORMAT_OGG | SF_FORMAT_OPUS, rate: 48000, channels: 1),
        Coding(name: "opus-16k", format: SF_FORMAT_OGG | SF_FORMAT_OPUS, rate: 16000, channels: 2),
        Coding(name: "mp3", format: SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, rate: 44100, channels: 2),
        Coding(name: "aiff", format: SF_FORMAT_AIFF | SF_FORMAT_PCM_24, rate: 11025, channels: 2),
        Coding(name: "rf64", format: SF_FORMAT_RF64 | SF_FORMAT_PCM_16, rate: 48000, channels: 2),
        Coding(name: "w64", format: SF_FORMAT_W64 | SF_FORMAT_FLOAT, rate: 8000, channels: 1),
        Coding(name: "au", format: SF_FORMAT_AU | SF_FORMAT_ULAW, rate: 8000, channels: 1),
        Coding(name: "caf", format: SF_FORMAT_CAF | SF_FORMAT_ALAC_16, rate: 44100, channels: 2),
        Coding(name: "rifx", format: SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, rate: 16000, channels: 1),
        // Coded samples: a stream of them is kept in a file and then decoded.
        Coding(name: "wav-adpcm", format: SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, rate: 16000, channels: 1),
        Coding(name: "wav-float", format: SF_FORMAT_WAV | SF_FORMAT_FLOAT, rate: 16000, channels: 2),
    ]

    /// libsndfile's message for a file that it cannot open or write whole.
    package struct Failure: Error {
        package let message: String

        init(_ path: String) { message = "\(path): \(unsafe String(cString: sf_strerror(nil)))" }
    }

    /// Writes interleaved samples.
    package static func encode(_ samples: [Float], as coding: Coding, to path: String) throws {
        var information = SF_INFO()
        information.samplerate = Int32(coding.rate)
        information.channels = Int32(coding.channels)
        information.format = Int32(truncatingIfNeeded: coding.format)
        guard let handle = unsafe sf_open(path, Int32(SFM_WRITE), &information) else { throw Failure(path) }
        let frames = samples.count / coding.channels
        let written = unsafe sf_writef_float(handle, samples, sf_count_t(frames))
        unsafe sf_close(handle)
        guard written == sf_count_t(frames) else { throw Failure(path) }
    }

    /// Reads all samples of a file in one call.
    package static func decode(_ path: String) throws -> (samples: [Float], rate: Int, channels: Int) {
        var information = SF_INFO()
        guard let handle = unsafe sf_open(path, Int32(SFM_READ), &information) else { throw Failure(path) }
        defer { unsafe sf_close(handle) }
        let channels = Int(information.channels)
        // One more than in the header, to find the real end.
        var samples = [Float](repeating: 0, count: (Int(information.frames) + 1) * channels)
        let room = sf_count_t(samples.count / channels)
        let count = unsafe sf_readf_float(handle, &samples, room)
        samples.removeLast(samples.count - Int(count) * channels)
        return (samples, Int(information.samplerate), channels)
    }

    /// One channel of interleaved samples; the first is 1.
    package static func channel(_ number: Int, of samples: [Float], _ channels: Int) -> [Float] {
        stride(from: number - 1, to: samples.count, by: channels).map { samples[$0] }
    }
}
