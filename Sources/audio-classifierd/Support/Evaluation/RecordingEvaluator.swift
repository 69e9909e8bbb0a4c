package import AudioClassifier
package import AudioFrontend
internal import Glibc
internal import StreamTransformer
internal import Synchronization

/// Classifies labelled recordings, several at once, and compares the results with the labels.
package struct RecordingEvaluator: Sendable {
    /// A recording with the indices of its labels.
    package struct Item: Sendable {
        package let file: ArchiveItem
        package let labels: Set<Int>
        /// Nil if the labels have no times.
        package let events: [GivenEvent]?

        /// - Parameter indices: the indices of labels by name; other labels are left out.
        package init(_ recording: LabelledRecording, _ indices: [String: Int]) {
            labels = Set(recording.labels.compactMap { indices[$0.text] })
            // A label without a time holds for the whole recording, whose end is known by its samples alone.
            events =
                recording.isTimed
                ? recording.labels.compactMap { label in
                    indices[label.text].map { GivenEvent(label: $0, range: label.range ?? Self.whole) }
                } : nil
            file = ArchiveItem(
                name: recording.name, relative: recording.name.entry, key: recording.name, work: .classify,
                size: recording.name.status.map { Int($0.st_size) } ?? 0, changed: 0)
        }

        static let whole = 0...Double.infinity
    }

    /// A recording that could not be read.
    package struct Failure: Sendable {
        package let file: String
        /// The given labels in the model's order.
        package let labels: [Int]
        package let error: ClassifierError
    }

    /// The outcome of a run.
    package struct Outcome: Sendable {
        package var evaluation: Evaluation
        package var failures: [Failure] = []
        /// Recordings whose first label, as `classify` prints it, is a given one.
        package var exactCount = 0
        /// Recordings with labels that begin behind their end, and the number of these labels.
        package var overlong: [(file: String, labels: Int)] = []
        package var isStopped = false
    }

    private let model: AudioModel
    private let rules: RecordingObserver.Rules
    /// For each label of the model, the label of the data for which it counts.
    private let counted: [Int]
    private let options: InputOptions
    private let threads: Int

    package init(
        model: AudioModel, rules: RecordingObserver.Rules, counted: [Int], options: InputOptions, threads: Int
    ) {
        self.model = model
        self.rules = rules
        self.counted = counted
        self.options = options
        self.threads = threads
    }

    private enum Result: Sendable {
        case evaluated(EvaluatedRecording, isExact: Bool)
        case failed(ClassifierError)
        case stopped
    }

    /// Evaluates the recordings. A recording that cannot be read is a failure beside the others.
    /// - Parameter evaluation: the comparison, without recordings.
    package func run(_ items: [Item], into evaluation: Evaluation) -> Outcome {
        let outcome = Mutex(Outcome(evaluation: evaluation))
        let progress = ArchiveProgress.ifTerminal(items.map(\.file), title: "evaluate")
        let spare = SpareThreads()
        ParallelWork.run(items, threads: threads, spare: spare) { item -> Result in
            guard !StopSignal.isRaised else { return .stopped }
            do {
                return try evaluate(item, spare, collar: evaluation.eventComparison.collar, progress)
            } catch {
                return .failed(ClassifierError(error))
            }
        } deliver: { item, result in
            let file = item.file.name.description
            outcome.withLock { outcome in
                switch result {
                case .evaluated(let recording, let isExact):
                    outcome.evaluation.add(recording)
                    if isExact { outcome.exactCount += 1 }
                    let begins = item.events?.map(\.range.lowerBound) ?? []
                    let behind = begins.count { $0 > recording.seconds }
                    if behind > 0 { outcome.overlong.append((file, behind)) }
                case .failed(let error):
                    outcome.failures.append(Failure(file: file, labels: item.labels.sorted(), error: error))
                case .stopped: outcome.isStopped = true
                }
            }
            var seconds = 0.0
            if case .evaluated(let recording, _) = result { seconds = recording.seconds }
            progress?.complete(item.file, seconds: seconds)
        }
        progress?.finish()
        return outcome.withLock { $0 }
    }

    private func evaluate(
        _ item: Item, _ spare: SpareThreads, collar: Double, _ progress: ArchiveProgress?
    ) throws -> Result {
        var input = try AudioInput(item.file.name, rate: model.sampleRate, options: options)
        // The threads without a file of their own take part in a long one. The model may have no such pipeline.
        if input.seconds != nil, var pipeline = try PartedPipeline(model, spare) {
            return try evaluate(item, &input, &pipeline, collar: collar, progress)
        }
        var pipeline = try ClassifierPipeline(model)
        return try evaluate(item, &input, &pipeline, collar: collar, progress)
    }

    private func evaluate<Pipeline: RecordingPipeline & ~Copyable>(
        _ item: Item, _ input: inout AudioInput, _ pipeline: inout Pipeline, collar: Double,
        _ progress: ArchiveProgress?
    ) throws -> Result {
        let duration = input.seconds
        var observer = RecordingObserver(model.network.configuration, rules, collar: collar)
        var failure: (any Error)?
        var isMore = true
        while isMore {
            guard !StopSignal.isRaised else { return .stopped }
            isMore = try input.read { samples in
                guard failure == nil else { return }
                do { try pipeline.push(samples) { observer.update($0) } } catch { failure = error }
            }
            if let failure { throw failure }
            if let duration {
                progress?.update(item.file, fraction: input.secondsRead / max(duration, 1e-9), of: duration)
            }
        }
        input.missingAudio.forEach(options.warn)
        let seconds = Double(pipeline.sampleCount) / Double(model.sampleRate)
        try pipeline.finish { observer.update($0) }
        let events = item.events?.map { event in
            GivenEvent(
                label: event.label,
                range: event.range.upperBound.isFinite ? event.range : 0...seconds)
        }
        let found = observer.finish(
            item.file.name.description, seconds: seconds, labels: item.labels, events: events)
        let recording = EvaluatedRecording(
            file: found.file, seconds: seconds, labels: found.labels, events: events, scores: found.scores,
            first: found.first.map { counted[$0] }, reported: found.reported, sweep: found.sweep)
        return .evaluated(recording, isExact: found.first.map(item.labels.contains) ?? false)
    }
}
