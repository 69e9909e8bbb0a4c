import Glibc

/// What the mean of several channels keeps of their energy: channels of opposite sign cancel each other.
struct ChannelCancellation {
    /// Sample frames of a piece that are examined.
    private static let examined = 256
    /// The largest loss that is no cancellation, in dB: 10 more than that of channels without a relation.
    private let largestLoss: Double
    private let channels: Int
    private var ofMean = 0.0
    /// The mean over the channels.
    private var ofChannels = 0.0

    init(channels: Int) {
        self.channels = channels
        largestLoss = 10 + 10 * log10(Double(channels))
    }

    /// Examines a part of a piece.
    /// - Parameter mono: the means of the piece's sample frames.
    mutating func examine(_ interleaved: [Float], _ mono: [Float], count: Int) {
        let count = min(count, Self.examined)
        // Invariant: the callers have mixed `count` frames of one buffer into the other.
        precondition(count * channels <= interleaved.count && count <= mono.count)
        var sum = 0.0
        for index in 0..<count * channels { sum += Double(interleaved[index] * interleaved[index]) }
        ofChannels += sum / Double(channels)
        for index in 0..<count { ofMean += Double(mono[index] * mono[index]) }
    }

    /// The end of a sentence on channels that cancel each other; `nil` for others.
    var sentence: String? {
        guard ofChannels > 0 else { return nil }
        let loss = 10 * log10(ofChannels / max(ofMean, ofChannels * 1e-12))
        guard loss > largestLoss else { return nil }
        return "its channels cancel each other: their mean is \(Int(loss.rounded())) dB quieter than they are; one "
            + "channel alone (channel 1, for example) has the sound"
    }
}
