/// The layout of raw interleaved samples in a stream.
struct PCMLayout: Equatable {
    var format: SampleFormat
    /// In Hz.
    var sampleRate: Int
    var channels: Int
    /// Bytes of samples, or `nil` for "to the end of the stream".
    var size: Int64?
}

/// Samples of zero without bytes.
struct SilenceLayout: Equatable {
    /// Samples of a channel.
    var count: Int64
    /// In Hz.
    var sampleRate: Int
}

/// The header of a container up to its samples.
struct SoundHeader: Equatable {
    /// The samples that follow, or `nil` for a coding that needs a decoder (ADPCM, ALAC, ...).
    var layout: PCMLayout?
    /// The silence that comes before the samples, and before the rest of the header.
    var silence: SilenceLayout?
    /// The settings of samples behind the silence of a VOC.
    var voiceExtension: VoiceExtension?
    /// The promised end of the samples, in bytes from the container's start.
    var end: Int64?
    /// A remark for people about a header with wrong values.
    var remark: String?
}

/// Containers of a header and then samples, which can be decoded as they arrive.
enum HeaderKind: Equatable {
    case wave, sun, aiff, coreAudio, wave64, sphere, ircam, voice

    var name: String {
        switch self {
        case .wave: "WAV"
        case .sun: "AU"
        case .aiff: "AIFF"
        case .coreAudio: "CAF"
        case .wave64: "W64"
        case .sphere: "NIST SPHERE"
        case .ircam: "IRCAM"
        case .voice: "VOC"
        }
    }

    /// Reads the header from `bytes`, which then stands at the first sample, or again at the container's first byte
    /// where the header has neither ``SoundHeader/layout`` nor ``SoundHeader/silence``.
    func read(_ bytes: ByteStream) throws(AudioError) -> SoundHeader {
        var reader = HeaderReader(bytes, container: name, keepsSkipped: self != .wave)
        let header =
            switch self {
            case .wave: try WaveHeader.read(&reader)
            case .sun: try SunHeader.read(&reader)
            case .aiff: try AIFFHeader.read(&reader)
            case .coreAudio: try CoreAudioHeader.read(&reader)
            case .wave64: try Wave64Header.read(&reader)
            case .sphere: try SphereHeader.read(&reader)
            case .ircam: try IRCAMHeader.read(&reader)
            case .voice: try VoiceHeader.read(&reader)
            }
        if header.layout == nil, header.silence == nil { reader.rewind() }
        return header
    }
}
