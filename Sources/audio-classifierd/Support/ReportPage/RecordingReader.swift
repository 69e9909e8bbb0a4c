package import AudioClassifier
package import AudioFrontend

/// Classifies recordings for a report.
package struct RecordingReader: Sendable {
    /// Where the player finds a recording.
    package enum Player: String, CaseIterable, Sendable {
        /// In the page, as the model hears it: mono, at the model's rate. A long recording is linked.
        case embed
        /// At its file.
        case link
        case none
    }

    /// The longest embedded recording in seconds: 26 MB of the page.
    package static let longestEmbedded = 600

    private let model: AudioModel
    private let rules: DecisionRules
    private let options: InputOptions
    private let player: Player
    private let page: FileName

    /// - Parameter page: the file of the report, to which links are relative.
    package init(
        model: AudioModel, rules: DecisionRules, options: InputOptions, player: Player, page: FileName
    ) {
        self.model = model
        self.rules = rules
        self.options = options
        self.player = player
        self.page = page
    }

    /// Classifies a recording.
    /// - Parameter progress: called with the fraction that is done, if the length is known.
    package func read(_ file: FileName, progress: (Double) -> Void = { _ in }) throws(ClassifierError)
        -> RecordingReport
    {
        do { return try readAll(file, progress) } catch { throw ClassifierError(error) }
    }

    private func readAll(_ file: FileName, _ progress: (Double) -> Void) throws -> RecordingReport {
        var input = try AudioInput(file, rate: model.sampleRate, options: options)
        var report = RecordingReport(name: input.name, model: model, ranking: rules.ranking)
        var extractor = try LogMelExtractor(model.recipe)
        var pipeline = try ClassifierPipeline(model)
        var detector = EventDetector(rules)
        var wave = player == .embed ? WaveAudio(rate: model.sampleRate) : nil
        func take(_ prediction: Prediction) {
            report.add(prediction)
            for event in detector.update(prediction) { report.add(event) }
        }
        var failure: (any Error)?
        var isMore = true
        while isMore {
            isMore = try input.read { samples in
                guard failure == nil else { return }
                extractor.push(samples) { report.add(frame: $0) }
                do { try pipeline.push(samples, take) } catch { failure = error }
                wave?.append(samples)
                if wave?.count ?? 0 > Self.longestEmbedded * model.sampleRate { wave = nil }
            }
            if let failure { throw failure }
            if let seconds = input.seconds { progress(input.secondsRead / max(seconds, 1e-9)) }
        }
        if !StopSignal.isRaised { input.missingAudio.forEach(options.warn) }
        report.warnings = input.warnings + input.missingAudio
        let samples = Int(pipeline.sampleCount)
        extractor.finish { report.add(frame: $0) }
        try pipeline.finish(take)
        for event in detector.finish() { report.add(event) }
        report.finish(samples: samples)
        if let wave {
            report.audio = "data:audio/wav;base64,\(wave.bytes.base64)"
        } else if player != .none, !file.isStandardInput {
            report.audio = file.address(from: page.folder)
        }
        return report
    }
}

/// A WAV file in memory: mono, 16 bits.
private struct WaveAudio {
    private let rate: Int
    private var samples: [UInt8] = []

    init(rate: Int) { self.rate = rate }

    /// Number of samples.
    var count: Int { samples.count / 2 }

    mutating func append(_ values: Span<Float>) {
        for index in values.indices {
            // Invariant: the reader refuses samples that are not finite, and others are clamped.
            let value = UInt16(bitPattern: Int16(max(-32768, min(32767, (values[index] * 32768).rounded()))))
            samples.append(UInt8(value & 0xFF))
            samples.append(UInt8(value >> 8))
        }
    }

    var bytes: [UInt8] {
        func number(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(value >> (8 * $0) & 0xFF) } }
        let format = number(1, 2) + number(1, 2) + number(rate, 4) + number(2 * rate, 4) + number(2, 2) + number(16, 2)
        let parts = Array("WAVEfmt ".utf8) + number(16, 4) + format + Array("data".utf8) + number(samples.count, 4)
        return Array("RIFF".utf8) + number(parts.count + samples.count, 4) + parts + samples
    }
}
