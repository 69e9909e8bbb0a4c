internal import StrictCoding

/// The parameters of log-mel frames: every number that a model's training and its use must share.
///
/// Decoded from the `frontend` object of a model's `config.json`: `{"recipe": "yamnet"}` takes a published recipe, and
/// each further key overrides one of its values; `custom` has no defaults. `docs/model-format.md` defines every key.
public struct LogMelRecipe: Sendable, Equatable {
    public enum Window: String, Sendable, Codable, CaseIterable {
        case hann
        case hannSymmetric = "hann-symmetric"
        case hamming
        case hammingSymmetric = "hamming-symmetric"
        case povey
        case blackman
        case rectangular
    }
    public enum Spectrum: String, Sendable, Codable { case magnitude, power }
    public enum MelScale: String, Sendable, Codable { case htk, slaney }
    /// Whether a filter's triangle is linear over mels or over hertz.
    public enum MelShape: String, Sendable, Codable { case mel, hertz }
    /// `slaney`: every filter has the same area.
    public enum MelNorm: String, Sendable, Codable { case none, slaney }
    public enum Log: String, Sendable, Codable { case ln, log10, decibel }

    /// In Hz.
    public var sampleRate: Int
    public var window: Window
    /// In samples, at most `fftLength`.
    public var windowLength: Int
    /// Samples from one frame to the next.
    public var hop: Int
    /// In samples, even.
    public var fftLength: Int
    public var spectrum: Spectrum
    public var bands: Int
    /// The lower edge of the lowest filter and the upper edge of the highest, in Hz.
    public var lowHz: Double
    public var highHz: Double
    public var melScale: MelScale
    public var melShape: MelShape
    public var melNorm: MelNorm
    public var log: Log
    /// Added to a band's energy before the logarithm.
    public var logOffset: Double
    /// The least energy of a band.
    public var logFloor: Double
    /// Factor on samples of -1 to 1: 32768 for recipes that were made for 16-bit integers.
    public var sampleScale: Double
    /// Subtract each frame's mean.
    public var removeDC: Bool
    /// The c of x[i] - c x[i-1] inside a frame; 0 for none.
    public var preemphasis: Double
    /// Half an FFT length of zeros before the first and after the last sample.
    public var center: Bool

    /// VGGish (Hershey et al., "CNN Architectures for Large-Scale Audio Classification", 2017): 25 ms windows every 10
    /// ms, magnitudes in 64 HTK mel bands from 125 to 7500 Hz, ln(mel + 0.01).
    public static let vggish = LogMelRecipe(
        sampleRate: 16000, window: .hann, windowLength: 400, hop: 160, fftLength: 512, spectrum: .magnitude, bands: 64,
        lowHz: 125, highHz: 7500, melScale: .htk, melShape: .mel, melNorm: .none, log: .ln, logOffset: 0.01,
        logFloor: 0,
        sampleScale: 1, removeDC: false, preemphasis: 0, center: false)

    /// YAMNet: as VGGish, with ln(mel + 0.001).
    public static let yamnet: LogMelRecipe = {
        var recipe = vggish
        recipe.logOffset = 0.001
        return recipe
    }()

    /// Kaldi's `compute-fbank-feats` with 80 bands and without dither.
    public static let kaldi = LogMelRecipe(
        sampleRate: 16000, window: .povey, windowLength: 400, hop: 160, fftLength: 512, spectrum: .power, bands: 80,
        lowHz: 20, highHz: 8000, melScale: .htk, melShape: .mel, melNorm: .none, log: .ln, logOffset: 0,
        logFloor: 1.1920928955078125e-07, sampleScale: 32768, removeDC: true, preemphasis: 0.97, center: false)

    /// librosa's `melspectrogram` and `power_to_db` with their defaults (but no `top_db`, which needs the whole file).
    public static let librosa = LogMelRecipe(
        sampleRate: 22050, window: .hann, windowLength: 2048, hop: 512, fftLength: 2048, spectrum: .power, bands: 128,
        lowHz: 0, highHz: 11025, melScale: .slaney, melShape: .hertz, melNorm: .slaney, log: .decibel, logOffset: 0,
        logFloor: 1e-10, sampleScale: 1, removeDC: false, preemphasis: 0, center: true)

    /// The published recipes by name.
    public static let named: [String: LogMelRecipe] = [
        "vggish": .vggish, "yamnet": .yamnet, "kaldi": .kaldi, "librosa": .librosa,
    ]

    /// Number of samples that a frame covers, from its start.
    public var frameSpan: Int { center ? fftLength : windowLength }

    /// Number of zeros before the first sample.
    public var leadingZeros: Int { center ? fftLength / 2 : 0 }

    /// Throws an ``AudioError`` that names the first impossible value.
    public func validate() throws(AudioError) {
        func require(_ condition: Bool, _ message: String) throws(AudioError) {
            if !condition { throw AudioError(.recipe, "front-end: \(message)") }
        }
        try require((1000...768_000).contains(sampleRate), "sample_rate \(sampleRate) is not in 1000 ... 768000 Hz")
        try require(
            fftLength.isMultiple(of: 2) && (4...65536).contains(fftLength),
            "fft_length \(fftLength) is not even or not in 4 ... 65536")
        try require(
            (1...fftLength).contains(windowLength),
            "window_length \(windowLength) is not in 1 ... fft_length (\(fftLength))")
        try require((1...65536).contains(hop), "hop \(hop) is not in 1 ... 65536")
        try require((1...4096).contains(bands), "bands \(bands) is not in 1 ... 4096")
        try require(
            bands * (fftLength / 2 + 1) <= 1 << 23,
            "\(bands) bands of \(fftLength / 2 + 1) frequencies are too many filters; "
                + "bands x (fft_length / 2 + 1) is at most 8388608")
        try require(
            lowHz >= 0 && lowHz < highHz && highHz <= Double(sampleRate) / 2,
            "low_hz \(lowHz) and high_hz \(highHz) do not span a band below half the sample rate")
        try require(
            logOffset >= 0 && logFloor >= 0 && logOffset + logFloor > 0 && logOffset + logFloor < 1e6,
            "log_offset + log_floor must be above 0: silence has no logarithm")
        try require(sampleScale > 0 && sampleScale <= 1e6, "sample_scale \(sampleScale) is not in 0 ... 1000000")
        try require((0..<1).contains(preemphasis), "preemphasis \(preemphasis) is not in 0 ..< 1")
    }
}

extension LogMelRecipe: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case recipe, window, hop, spectrum, bands, log, preemphasis, center
        case sampleRate = "sample_rate"
        case windowLength = "window_length"
        case fftLength = "fft_length"
        case lowHz = "low_hz"
        case highHz = "high_hz"
        case melScale = "mel_scale"
        case melShape = "mel_shape"
        case melNorm = "mel_norm"
        case logOffset = "log_offset"
        case logFloor = "log_floor"
        case sampleScale = "sample_scale"
        case removeDC = "remove_dc"
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(keyedBy: CodingKeys.self)
        let name = try values.decode(String.self, forKey: .recipe)
        let base = Self.named[name]
        guard base != nil || name == "custom" else {
            throw DecodingError.dataCorruptedError(
                forKey: .recipe, in: values,
                debugDescription: "\"\(name)\" is none of custom, \(Self.named.keys.sorted().joined(separator: ", "))")
        }
        func value<T: Decodable>(_ key: CodingKeys, _ path: KeyPath<LogMelRecipe, T>) throws -> T {
            if let base { return try values.decodeIfPresent(T.self, forKey: key) ?? base[keyPath: path] }
            return try values.decode(T.self, forKey: key)
        }
        sampleRate = try value(.sampleRate, \.sampleRate)
        window = try value(.window, \.window)
        windowLength = try value(.windowLength, \.windowLength)
        hop = try value(.hop, \.hop)
        fftLength = try value(.fftLength, \.fftLength)
        spectrum = try value(.spectrum, \.spectrum)
        bands = try value(.bands, \.bands)
        lowHz = try value(.lowHz, \.lowHz)
        highHz = try value(.highHz, \.highHz)
        melScale = try value(.melScale, \.melScale)
        melShape = try value(.melShape, \.melShape)
        melNorm = try value(.melNorm, \.melNorm)
        log = try value(.log, \.log)
        logOffset = try value(.logOffset, \.logOffset)
        logFloor = try value(.logFloor, \.logFloor)
        sampleScale = try value(.sampleScale, \.sampleScale)
        removeDC = try value(.removeDC, \.removeDC)
        preemphasis = try value(.preemphasis, \.preemphasis)
        center = try value(.center, \.center)
        do { try validate() } catch {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: error.message))
        }
    }
}
