internal import StreamTransformer

/// The path from samples to predictions of one recording, whose parts go through the encoder on several threads.
///
/// The calling thread makes all frames, and hands over predictions in order. A part begins with a replay of the frames
/// before it, so that the predictions are, bit for bit, those of a ``ClassifierPipeline``.
package struct PartedPipeline: ~Copyable, RecordingPipeline {
    /// Bytes of a part, unless that is too short or too long.
    private static let partBytes = 6 << 20
    /// Number of tokens of a part, as a multiple of those that are replayed before it. The replay of a short part is
    /// much of its work, and a recording has few long parts to divide among threads.
    private static let partLengths = 8...24
    /// The largest number of bytes of a part; recordings of models with larger ones are not parted.
    private static let largestPart = 1 << 24

    private let model: AudioModel
    private let replayTokens: Int
    private let partTokens: Int
    private let queue: PartQueue
    private var frontend: PipelineFrontend
    private var stream: StreamState
    private var prediction: Prediction
    private var part = RecordingPart(replayed: [], firstToken: 0)
    /// Number of parts that the queue got.
    private var added = 0
    /// Number of parts whose predictions were handed over.
    private var delivered = 0
    package private(set) var predictionCount: Int64 = 0
    /// Position of a prediction that could not be made.
    private var failedSample: Int64?

    /// Makes the pipeline of a new recording; nil if the model's state depends on tokens of any age, or on so many that
    /// parts would be too large.
    package init?(_ model: AudioModel, _ spare: SpareThreads) throws(ClassifierError) {
        let network = model.network
        let configuration = network.configuration
        guard let replayTokens = network.replayTokens else { return nil }
        let frameBytes = 4 * network.framesPerToken * configuration.inputWidth
        let tokenBytes = frameBytes + 4 * configuration.labels.count + MemoryLayout<Prediction>.stride
        let shortest = replayTokens * Self.partLengths.lowerBound
        guard shortest * tokenBytes <= Self.largestPart else { return nil }
        self.replayTokens = replayTokens
        partTokens = max(shortest, min(Self.partBytes / tokenBytes, replayTokens * Self.partLengths.upperBound))
        do { frontend = try PipelineFrontend(model.tables) } catch { throw ClassifierError(error) }
        self.model = model
        queue = PartQueue(network, spare)
        stream = network.makeStream()
        prediction = Prediction(model)
    }

    deinit { queue.close() }

    package var sampleCount: Int64 { failedSample ?? frontend.position }

    package mutating func push(_ samples: Span<Float>, _ body: (Prediction) throws -> Void) throws {
        var position = 0
        while position < samples.count {
            position += try frontend.push(samples, from: position) { part.add($0) }
            try endToken(body)
        }
    }

    package mutating func finish(_ body: (Prediction) throws -> Void) throws {
        guard failedSample == nil else { return }
        var zeros = frontend.endZeros
        while zeros > 0 {
            try frontend.pushEnd(&zeros) { part.add($0) }
            try endToken(body)
        }
        if !part.predictions.isEmpty { addPart(next: RecordingPart(replayed: [], firstToken: 0)) }
        while delivered < added {
            if !queue.encodeOldest(&stream), !queue.has(delivered) { queue.wait() }
            try deliver(body)
        }
    }

    /// Notes the prediction of a token whose last frame has just been made, and ends a part that is long enough.
    private mutating func endToken(_ body: (Prediction) throws -> Void) throws {
        let network = model.network
        let tokenLength = network.framesPerToken * network.configuration.inputWidth
        guard part.frames.count == (part.predictions.count + 1) * tokenLength else { return }
        let tokens = part.firstToken + Int64(part.predictions.count) + 1
        frontend.describe(&prediction, tokens: tokens, warmUpTokens: network.warmUpTokens)
        part.predictions.append(prediction)
        guard part.predictions.count == partTokens else { return }
        let replayed = Array(part.frames.suffix(replayTokens * tokenLength))
        addPart(next: RecordingPart(replayed: replayed, firstToken: tokens))
        while queue.isFull { _ = queue.encodeOldest(&stream) }
        try deliver(body)
        // A slow worker must not let the parts behind its own grow in number.
        while added - delivered > 2 * (queue.workers + 1) {
            if !queue.encodeOldest(&stream) { queue.wait() }
            try deliver(body)
        }
    }

    private mutating func addPart(next: RecordingPart) {
        queue.add(part, index: added)
        added += 1
        part = next
    }

    /// Hands over the predictions of encoded parts, in order.
    private mutating func deliver(_ body: (Prediction) throws -> Void) throws {
        let labels = model.labels.count
        while let encoded = queue.take(delivered) {
            delivered += 1
            let count = encoded.probabilities.count / labels
            for row in 0..<count {
                prediction.move(to: encoded.predictions[row])
                for label in 0..<labels {
                    prediction.probabilities[label] = encoded.probabilities[row * labels + label]
                }
                predictionCount += 1
                try body(prediction)
            }
            guard let failure = encoded.failure else { continue }
            queue.close()
            failedSample = encoded.predictions[count].sample
            throw failure
        }
    }
}
