/// Where interleaved samples come from: a file or a stream of bytes.
public protocol SampleSource: AnyObject {
    /// In Hz.
    var sampleRate: Int { get }
    var channels: Int { get }
    /// Samples a channel in all, where that is known beforehand.
    var length: Int64? { get }

    /// Writes as many whole sample frames (a sample of every channel) as there are now, at least one, and at most as
    /// fit.
    /// - Returns: sample frames written; 0 at the end.
    func read(into samples: inout [Float]) throws(AudioError) -> Int
}

/// Which of a recording's channels to listen to.
public enum ChannelSelection: Sendable, Equatable {
    /// The mean of all channels.
    case mix
    /// One channel; the first is 1.
    case channel(Int)
}

enum Limits {
    static let sampleRates = 1000...768_000
    static let channels = 1...256

    /// - Parameter byCaller: the values are a caller's description of bare samples, not what a header says.
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
