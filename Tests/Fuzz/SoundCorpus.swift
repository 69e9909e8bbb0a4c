internal import CSndFile
internal import Glibc
internal import TestSupport

/// Short recordings of a tone in the containers that the service reads, written by libsndfile.
enum SoundCorpus {
    private static let codings =
        Libsndfile.codings
        + [
            ("wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16), ("wav-alaw", SF_FORMAT_WAV | SF_FORMAT_ALAW),
            ("wav-extensible", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24), ("sphere", SF_FORMAT_NIST | SF_FORMAT_PCM_16),
            ("voc", SF_FORMAT_VOC | SF_FORMAT_PCM_U8), ("ircam", SF_FORMAT_IRCAM | SF_FORMAT_FLOAT),
        ].map { Libsndfile.Coding(name: $0.0, format: $0.1, rate: 8000, channels: 1) }

    /// Returns the bytes of the recordings, and those of an MP3 file with a tag behind its frames.
    static func files(in folder: TemporaryDirectory) throws -> [[UInt8]] {
        let files = try codings.map { coding in
            let name = "corpus.\(coding.name)"
            let tone = (0..<400 * coding.channels).map { 0.7 * sin(Float($0) * 0.23) }
            try Libsndfile.encode(tone, as: coding, to: "\(folder.path)/\(name)")
            return try folder.read(name)
        }
        let tagged = zip(codings, files).filter { $0.0.name == "mp3" }.map { pair in
            pair.1 + Array("TAG".utf8) + [UInt8](repeating: 32, count: 125)
        }
        return files + tagged
    }
}
