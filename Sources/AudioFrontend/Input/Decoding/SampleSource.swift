/// A source of interleaved samples: a file or a stream of bytes.
public protocol SampleSource: AnyObject {
    /// In Hz.
    var sampleRate: Int { get }
    var channels: Int { get }
    /// Number of samples of a channel, if it is known beforehand.
    var length: Int64? { get }

    /// Writes the available whole sample frames (a sample of every channel): at least one, and at most as many as fit.
    /// - Returns: sample frames written; 0 at the end.
    func read(into samples: inout [Float]) throws(AudioError) -> Int
}

/// The choice among a recording's channels.
public enum ChannelSelection: Sendable, Equatable {
    /// The mean of all channels.
    case mix
    /// One channel; the first is 1.
    case channel(Int)
}

enum Limits {
    static let sampleRates = 1000...768_000
    static let channels = 1...256

    /// - Parameter byCaller: whether the values are a caller's description of raw PCM, not those of a header.
    static func check(
        sampleRate: Int, channels: Int, of name: String, byCaller: Bool = false
    ) throws(AudioError) {
        let code = byCaller ? AudioError.Code.description : .decode
        let hint = byCaller ? "" : "; is the header damaged?"
        guard sampleRates.contains(sampleRate) else {
            throw AudioError(
                code, "\(name): a sample rate of \(sampleRate) Hz is not in 1000 ... 768000 Hz\(hint)")
        }
        guard self.channels.contains(channels) else {
            throw AudioError(code, "\(name): \(channels) channels are not in 1 ... 256\(hint)")
        }
    }
}
