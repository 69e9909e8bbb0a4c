/// What a second of audio costs on each loop, model by model, and what the streams that there are take of the loops' time.
/// A stream of a model that a reload has just brought is not judged by what those of another one cost. Pure: it is told
/// the measurements.
package struct ModelCosts: Sendable {
    private struct Entry {
        /// Seconds of each loop's thread.
        var costs: [Double]
        /// Streams on each loop.
        var streams: [Int]
        /// Whether new streams may have it.
        var isOffered = true

        var busy: [Double] { zip(costs, streams).map { $0 * Double($1) } }
    }

    private let loops: Int
    /// By the model's identity: one that is read again is another one.
    private var entries: [ObjectIdentifier: Entry] = [:]

    package init(loops: Int) { self.loops = loops }

    /// What of each loop's time the streams take.
    package var busy: [Double] {
        entries.values.reduce(into: Array(repeating: 0, count: loops)) { sum, entry in
            for (loop, part) in entry.busy.enumerated() { sum[loop] += part }
        }
    }

    /// Of the streams that there are, the mean; without any, of the most expensive model.
    package var mean: Double {
        let streams = entries.values.reduce(0) { $0 + $1.streams.reduce(0, +) }
        return streams > 0 ? busy.reduce(0, +) / Double(streams) : worst.reduce(0, +) / Double(loops)
    }

    private var worst: [Double] {
        entries.values.reduce(into: Array(repeating: 0, count: loops)) { most, entry in
            for (loop, cost) in entry.costs.enumerated() { most[loop] = max(most[loop], cost) }
        }
    }

    /// On each loop; a model that is not known is taken for the most expensive one.
    package func costs(of model: ObjectIdentifier) -> [Double] { entries[model]?.costs ?? worst }

    /// These models are what new streams may have from now on.
    /// - Parameter measured: what a second of audio costs, of those that are new. What running streams have shown of the
    ///   others stays.
    package mutating func offer(_ models: [ObjectIdentifier], measured: [ObjectIdentifier: Double]) {
        for model in entries.keys { entries[model]?.isOffered = false }
        for model in models {
            entries[model]?.isOffered = true
            if let cost = measured[model], entries[model] == nil { add(model, Array(repeating: cost, count: loops)) }
        }
        for model in entries.keys { removeIfUnused(model) }
    }

    package mutating func enter(_ model: ObjectIdentifier, loop: Int) {
        // A stream may just have got a model that is no longer offered.
        if entries[model] == nil { add(model, worst, isOffered: false) }
        entries[model]?.streams[loop] += 1
    }

    package mutating func leave(_ model: ObjectIdentifier, loop: Int) {
        entries[model]?.streams[loop] -= 1
        removeIfUnused(model)
    }

    /// What streams of a model cost on a loop, as measured.
    package mutating func update(_ model: ObjectIdentifier, loop: Int, cost: Double) {
        entries[model]?.costs[loop] = cost
    }

    private mutating func add(_ model: ObjectIdentifier, _ costs: [Double], isOffered: Bool = true) {
        entries[model] = Entry(costs: costs, streams: Array(repeating: 0, count: loops), isOffered: isOffered)
    }

    private mutating func removeIfUnused(_ model: ObjectIdentifier) {
        guard let entry = entries[model], !entry.isOffered, entry.streams.allSatisfy({ $0 == 0 }) else { return }
        entries[model] = nil
    }
}
