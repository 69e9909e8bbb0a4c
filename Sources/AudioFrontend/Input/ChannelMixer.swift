/// Interleaved samples to one channel: the mean of all, or one of them.
struct ChannelMixer {
    let channels: Int
    let selection: ChannelSelection

    /// - Throws: ``AudioError`` `description` where there is no such channel.
    init(channels: Int, selection: ChannelSelection, of name: String) throws(AudioError) {
        if case .channel(let number) = selection, !(1...channels).contains(number) {
            throw AudioError(
                .description, "\(name): there is no channel \(number); the input has \(channels), the first is 1")
        }
        self.channels = channels
        self.selection = selection
    }

    /// Fills `mono` up to the first sample that is not finite.
    /// - Returns: how many samples that are.
    func mix(_ interleaved: [Float], count: Int, into mono: inout [Float]) -> Int {
        if channels == 1 {  // a microphone, without a choice for each sample
            for index in 0..<count {
                guard interleaved[index].isFinite else { return index }
                mono[index] = interleaved[index]
            }
            return count
        }
        for index in 0..<count {
            var value: Float
            switch selection {
            case .channel(let number): value = interleaved[index * channels + number - 1]
            case .mix:
                value = interleaved[index * channels]
                for channel in 1..<channels { value += interleaved[index * channels + channel] }
                value /= Float(channels)
            }
            guard value.isFinite else { return index }
            mono[index] = value
        }
        return count
    }
}
