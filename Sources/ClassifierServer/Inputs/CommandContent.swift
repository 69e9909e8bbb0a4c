internal import AudioFrontend

/// The samples in the output of a command: raw PCM of the configured format, or one or more WAV.
struct CommandContent {
    private enum State {
        case opening(WaveOpening)
        /// Samples; the number of bytes is known for a WAV whose header states it.
        case samples(left: Int64?)
    }

    private let name: String
    private var state: State
    private var pending: [UInt8] = []
    /// Whether a WAV has come: what follows it is another one, or no samples.
    private var isWave = false

    /// - Parameter name: the source's name, for messages.
    init(name: String) {
        self.name = name
        state = .opening(WaveOpening(name: name))
    }

    /// Takes the next bytes of the output.
    mutating func push(_ bytes: [UInt8]) { pending += bytes }

    /// Returns the next samples, and begins a part of the stream where a WAV begins.
    /// - Returns: samples of the stream's present format; `nil` until more bytes have come.
    mutating func next(_ stream: inout SourceStream) async throws -> [UInt8]? {
        while !pending.isEmpty {
            let bytes = pending
            pending = []
            switch state {
            case .opening(var opening):
                let finding = try opening.push(bytes)
                state = .opening(opening)
                switch finding {
                case .needsMore: return nil
                case .other(let all):
                    state = .samples(left: isWave ? 0 : nil)
                    if isWave { return nil }
                    if stream.description != stream.configured { try await stream.begin(stream.configured) }
                    return all
                case .wave(let format, let rest):
                    isWave = true
                    let next = SourceStream.Description(
                        format: format.format, rate: format.sampleRate, channels: format.channels)
                    if stream.description != next { try await stream.begin(next) }
                    (state, pending) = (.samples(left: format.size), rest)
                }
            case .samples(let left?):
                guard left > 0 else { return nil }
                let count = Int(min(left, Int64(bytes.count)))
                pending = Array(bytes[count...])
                // Another WAV may follow.
                state = left == Int64(count) ? .opening(WaveOpening(name: name)) : .samples(left: left - Int64(count))
                return Array(bytes[..<count])
            case .samples(nil): return bytes
            }
        }
        return nil
    }

    /// Bytes at the end of the output that might have been the beginning of a WAV.
    var rest: [UInt8] {
        if case .opening(let opening) = state, !isWave { return opening.finish() }
        return []
    }
}
