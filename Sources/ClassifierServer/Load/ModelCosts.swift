/// The cost of a second of audio by model and loop, and the share of the loops' time that running streams use. Each
/// model has its own costs, so that a reload's new model is not judged by another one. A pure value: callers pass the
/// measurements.
package struct ModelCosts: Sendable {
    private struct Entry {
        /// The cost before any stream, in seconds of a thread's processor time per second of audio.
        let first: Double
        /// Seconds of processor time of each loop's thread per second of audio, as running streams have shown it.
        var costs: [Double]
        /// Number of streams on each loop.
        var streams: [Int]
        /// Whether new streams may use the model.
        var isOffered = true

        var busy: [Double] { zip(costs, streams).map { $0 * Double($1) } }
    }

    private let loops: Int
    /// Entries by the identity of the loaded model; a model that is loaded again has another one.
    private var entries: [ObjectIdentifier: Entry] = [:]

    package init(loops: Int) { self.loops = loops }

    /// The share of each loop's time that running streams use.
    package var busy: [Double] {
        entries.values.reduce(into: Array(repeating: 0, count: loops)) { sum, entry in
            for (loop, part) in entry.busy.enumerated() { sum[loop] += part }
        }
    }

    /// The mean cost of the running streams; without streams, the cost of the most expensive model.
    package var mean: Double {
        let streams = entries.values.reduce(0) { $0 + $1.streams.reduce(0, +) }
        return streams > 0 ? busy.reduce(0, +) / Double(streams) : worst.reduce(0, +) / Double(loops)
    }

    /// The largest cost of a model on each loop.
    private var worst: [Double] {
        entries.values.reduce(into: Array(repeating: 0, count: loops)) { most, entry in
            for (loop, cost) in entry.costs.enumerated() { most[loop] = max(most[loop], cost) }
        }
    }

    /// Returns a model's cost on each loop; an unknown model costs as much as the most expensive one.
    package func costs(of model: ObjectIdentifier) -> [Double] { entries[model]?.costs ?? worst }

    /// Replaces the models that new streams may use.
    /// - Parameter measured: the costs of new models; known models keep the costs that running streams have shown.
    package mutating func offer(_ models: [ObjectIdentifier], measured: [ObjectIdentifier: Double]) {
        for model in entries.keys { entries[model]?.isOffered = false }
        for model in models {
            entries[model]?.isOffered = true
            if let cost = measured[model], entries[model] == nil { add(model, cost) }
        }
        for model in entries.keys { removeIfUnused(model) }
    }

    /// Counts a new stream.
    package mutating func enter(_ model: ObjectIdentifier, loop: Int) {
        // A stream that chose its model just before a reload may use one that is no longer offered.
        if entries[model] == nil { add(model, worst.max() ?? 0, isOffered: false) }
        entries[model]?.streams[loop] += 1
    }

    /// Counts a stream that has ended. The last one of a loop leaves the first cost: if an unusual stream has made the
    /// model look so expensive that no further one is admitted, no stream would ever show another cost.
    package mutating func leave(_ model: ObjectIdentifier, loop: Int) {
        entries[model]?.streams[loop] -= 1
        if let entry = entries[model], entry.streams[loop] == 0 { entries[model]?.costs[loop] = entry.first }
        removeIfUnused(model)
    }

    /// Replaces the cost of a model on a loop by a measured one.
    package mutating func update(_ model: ObjectIdentifier, loop: Int, cost: Double) {
        entries[model]?.costs[loop] = cost
    }

    private mutating func add(_ model: ObjectIdentifier, _ cost: Double, isOffered: Bool = true) {
        entries[model] = Entry(
            first: cost, costs: Array(repeating: cost, count: loops), streams: Array(repeating: 0, count: loops),
            isOffered: isOffered)
    }

    private mutating func removeIfUnused(_ model: ObjectIdentifier) {
        guard let entry = entries[model], !entry.isOffered, entry.streams.allSatisfy({ $0 == 0 }) else { return }
        entries[model] = nil
    }
}
