internal import AudioClassifier
internal import AudioFrontend
internal import Kernels
internal import StreamTransformer
internal import StrictCoding

/// One running stream on its inference loop: what waits, what it remembers beside its place in the batch, who listens.
final class LiveStream {
    /// Somebody who looks on.
    struct Watcher {
        let interest: Interest
        var reporter: StreamReporter
        let output: AsyncStream<StreamOutput>.Continuation
    }

    let setup: StreamSetup
    let place: Int
    var frontend: PipelineFrontend
    var queue: SampleQueue
    var pace = SenderPace()
    var watchers: [Int: Watcher] = [:]
    /// Set when no more audio comes; the stream ends when its queue is empty.
    var end: StreamEnd?
    /// Zeros behind the end that the front-end still wants.
    var endZeros: Int
    /// When the newest samples that went in had come.
    var arrived: UInt64 = 0
    /// Whether the loop's next turn looks at it.
    var isDue = false
    /// A sender that waits for room.
    var waiting: CheckedContinuation<Void, Never>?
    private(set) var dropped: Int64 = 0
    /// The client reads too slowly: there was no room for an output.
    private(set) var isBehind = false
    /// Samples at the beginning of what the client sends that the stream has had before.
    private var known: Int64 = 0
    private var reporter: StreamReporter
    private var features: [Float] = []
    private let output: AsyncStream<StreamOutput>.Continuation
    private let ending: StreamEnding
    private let ended: AsyncStream<Never>.Continuation

    init(
        _ setup: StreamSetup, place: Int, output: AsyncStream<StreamOutput>.Continuation, ending: StreamEnding,
        ended: AsyncStream<Never>.Continuation
    ) throws {
        self.setup = setup
        self.place = place
        frontend = try PipelineFrontend(setup.model.recipe)
        queue = SampleQueue(limit: setup.queueLimit)
        endZeros = frontend.endZeros
        var report = setup.report
        report.addsEvents = true
        reporter = StreamReporter(setup.model.model.configuration, stream: setup.id, options: report)
        self.output = output
        self.ending = ending
        self.ended = ended
    }

    /// The client goes on at this position, the stream at its own.
    func align(to position: Int64) {
        let ahead = position - frontend.position
        if ahead > 0 { queue.lose(ahead) } else { known = -ahead }
    }

    /// The samples that the stream has not had yet.
    func unknown(_ samples: [Float]) -> [Float] {
        guard known > 0 else { return samples }
        let count = Int(min(known, Int64(samples.count)))
        known -= Int64(count)
        return Array(samples.dropFirst(count))
    }

    var wantsFeatures: Bool { setup.interest.features || watchers.values.contains { $0.interest.features } }

    /// Notes a log-mel frame, for those who want to see it.
    func note(_ frame: Span<Float>) {
        for index in frame.indices { features.append(frame[index]) }
    }

    /// Tells a prediction.
    /// - Parameter frames: frames that the front-end has made.
    /// - Returns: the records of the stream itself.
    func tell(_ prediction: borrowing Prediction, firstFrame: Int64) -> [Record] {
        let records = reporter.records(prediction)
        isBehind = !send(records.filter(setup.interest.wants), to: output) || isBehind
        if setup.interest.features { isBehind = !sendFeatures(firstFrame, to: output) || isBehind }
        for (number, watcher) in watchers {
            var watcher = watcher
            let events = records.filter { if case .event = $0 { watcher.interest.events } else { false } }
            let frames = watcher.interest.frames ? watcher.reporter.records(prediction) : []
            watchers[number] = watcher
            var isThere = send(frames + events, to: watcher.output)
            if watcher.interest.features { isThere = sendFeatures(firstFrame, to: watcher.output) && isThere }
            // One who looks on and does not keep up harms nobody by going.
            if !isThere { removeWatcher(number) }
        }
        features.removeAll(keepingCapacity: true)
        return records
    }

    /// Samples are missing before the next one.
    func lose(_ samples: Int64) {
        let gap = Record.gap(stream: setup.id, sample: frontend.position, lost: samples)
        frontend.skip(samples)
        dropped += samples
        send([gap], to: output)
        for watcher in watchers.values { send([gap], to: watcher.output) }
    }

    /// Ends the stream: open events are closed, then everybody is told the reason and the end.
    /// - Returns: the records of the events that ended.
    func finish(_ reason: StreamEnd, predictions: Int64) -> [Record] {
        let seconds = Double(frontend.position) / Double(setup.model.recipe.sampleRate)
        let events = reporter.finalRecords(file: setup.id, seconds: seconds)
        var records = events
        switch reason {
        case .failed(let code, let message):
            records.append(.failure(stream: setup.id, code: code, message: message))
        case .silent(let message): records.append(.failure(stream: setup.id, code: "idle", message: message))
        case .stopped:
            records.append(
                .failure(stream: setup.id, code: "stopping", message: "the service is stopping; connect again"))
        case .complete, .lost: break
        }
        records.append(.end(stream: setup.id, frames: predictions, dropped: dropped))
        ending.set(records.filter(setup.interest.wants))
        output.finish()
        ended.finish()
        waiting?.resume()
        waiting = nil
        for watcher in watchers.values {
            send(records.filter(watcher.interest.wants), to: watcher.output)
            watcher.output.finish()
        }
        watchers = [:]
        return events
    }

    func removeWatcher(_ number: Int) { watchers.removeValue(forKey: number)?.output.finish() }

    /// Lets a waiting sender go on, where there is room again.
    func wakeSender() {
        guard let waiting, !queue.isFull else { return }
        self.waiting = nil
        waiting.resume()
    }

    func snapshot(to writer: inout SnapshotWriter) { reporter.snapshot(to: &writer) }

    func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try reporter.restore(from: &reader)
    }

    @discardableResult
    private func send(_ records: [Record], to output: AsyncStream<StreamOutput>.Continuation) -> Bool {
        guard !records.isEmpty else { return true }
        return deliver(.records(records), to: output)
    }

    @discardableResult
    private func sendFeatures(_ first: Int64, to output: AsyncStream<StreamOutput>.Continuation) -> Bool {
        features.isEmpty || deliver(.features(first: first, features), to: output)
    }

    /// - Returns: false where the reader has fallen behind too far.
    private func deliver(_ element: StreamOutput, to output: AsyncStream<StreamOutput>.Continuation) -> Bool {
        guard case .dropped = output.yield(element) else { return true }
        return false
    }
}
