internal import AudioClassifier
internal import NIOCore

/// The watchers of a loop's streams.
extension InferenceLoop {
    /// Adds a watcher to a stream.
    /// - Returns: nil if there is no such stream.
    /// - Throws: if the stream has as many watchers as it may have.
    func watch(
        _ id: String, report: ReportOptions, subscription: Subscription
    ) throws(AdmissionRefusal) -> WatchedStream? {
        guard let stream = stream(named: id) else { return nil }
        if let refusal = refusal(ofWatching: id) { throw refusal }
        nextWatcher += 1
        let reader = StreamReader(eventLoop)
        stream.watch(nextWatcher, reader, report: report, subscription: subscription)
        return WatchedStream(
            id: id, identity: stream.identity, number: nextWatcher, loop: self,
            start: start(stream, isResumed: true, note: nil), reader: NIOLoopBound(reader, eventLoop: eventLoop))
    }

    /// Returns the reason for which another watcher of a stream would be refused now; nil if there is none.
    func refusal(ofWatching id: String) -> AdmissionRefusal? {
        guard let stream = stream(named: id), stream.watchers.count >= watcherLimit else { return nil }
        return AdmissionRefusal(
            reason: .watchers,
            message: "the stream \"\(id)\" has \(watcherLimit) watchers, the limit of limits.watchers_per_stream",
            retryAfter: 10)
    }

    func unwatch(_ identity: StreamIdentity, _ number: Int) { streams[identity]?.unwatch(number) }
}
