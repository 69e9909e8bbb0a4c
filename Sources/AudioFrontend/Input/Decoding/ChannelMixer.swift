/// A converter from interleaved samples to one channel: the mean of all, or one of them.
struct ChannelMixer {
    let channels: Int
    let selection: ChannelSelection

    /// - Throws: ``AudioError`` `description` if the audio does not have the channel.
    init(channels: Int, selection: ChannelSelection, of name: String) throws(AudioError) {
        if case .channel(let number) = selection, !(1...channels).contains(number) {
            throw AudioError(
                .description, "\(name): there is no channel \(number); the input has \(channels), the first is 1")
        }
        self.channels = channels
        self.selection = selection
    }

    /// Fills `mono` up to the first sample that is not finite.
    /// - Returns: the number of samples.
    func mix(_ interleaved: [Float], count: Int, into mono: inout [Float]) -> Int {
        // Invariant: the callers size both buffers for a piece of frames before they read it.
        precondition(count * channels <= interleaved.count && count <= mono.count)
        unsafe interleaved.withUnsafeBufferPointer { input in
            unsafe mono.withUnsafeMutableBufferPointer { output in
                switch selection {
                case .channel(let number):
                    for index in 0..<count { unsafe output[index] = input[index * channels + number - 1] }
                case .mix where channels == 2:
                    for index in 0..<count { unsafe output[index] = (input[2 * index] + input[2 * index + 1]) / 2 }
                case .mix:
                    for index in 0..<count {
                        var sum = unsafe input[index * channels]
                        for channel in 1..<channels { unsafe sum += input[index * channels + channel] }
                        unsafe output[index] = sum / Float(channels)
                    }
                }
            }
        }
        return Self.finiteCount(mono, count)
    }

    /// The number of samples, of the first `count`, before the first one that is not finite.
    static func finiteCount(_ samples: [Float], _ count: Int) -> Int {
        // Invariant: the callers size the buffer for a piece of frames before they read it.
        precondition(count <= samples.count)
        return unsafe samples.withUnsafeBytes { bytes in
            // A value minus itself is zero, or not a number where the value is not finite: a sum without branches.
            var differences = SIMD8<Float>.zero
            let whole = count / 8 * 8
            for index in stride(from: 0, to: whole, by: 8) {
                let values = unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: SIMD8<Float>.self)
                differences += values - values
            }
            var index = differences == .zero ? whole : 0
            while index < count, samples[index].isFinite { index += 1 }
            return index
        }
    }
}
