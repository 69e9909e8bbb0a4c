internal import StrictCoding

/// The saved states by size and age, to keep their number and their bytes within limits. A pure value: it touches no
/// file.
package struct StateInventory: Sendable {
    package struct Entry: Equatable, Sendable {
        package let bytes: Int
        /// Time of the last change, in seconds of the time of day.
        package let modified: Double

        package init(bytes: Int, modified: Double) {
            self.bytes = bytes
            self.modified = modified
        }
    }

    /// Largest number of states.
    package let limit: Int
    /// Largest number of bytes of all states.
    package let largestBytes: Int
    private var entries: [String: Entry] = [:]
    /// Bytes of all states.
    package private(set) var bytes = 0

    package init(limit: Int, bytes: Int) {
        self.limit = limit
        largestBytes = bytes
    }

    package var count: Int { entries.count }

    /// Replaces all entries by those that a folder has.
    package mutating func replace(with entries: [String: Entry]) {
        self.entries = entries
        bytes = entries.values.reduce(0) { $0.addingSaturated($1.bytes) }
    }

    /// Returns the states to remove before `id` is saved, the oldest first; nil if there is no room even then.
    /// - Parameter spared: states that must stay; nil if no state may be removed.
    package func removals(for id: String, bytes size: Int, sparing spared: Set<String>?) -> [String]? {
        // Invariant: sums of sizes stop at the largest number, and what is subtracted was added.
        var (others, total) = (entries.count, bytes)
        if let own = entries[id] {
            others -= 1
            total -= own.bytes
        }
        func isFull() -> Bool { others >= limit || total.addingSaturated(size) > largestBytes }
        guard isFull() else { return [] }
        guard let spared else { return nil }
        var result: [String] = []
        let removable = entries.filter { $0.key != id && !spared.contains($0.key) }
        for (name, entry) in removable.sorted(by: { ($0.value.modified, $0.key) < ($1.value.modified, $1.key) }) {
            guard isFull() else { break }
            result.append(name)
            others -= 1
            total -= entry.bytes
        }
        return isFull() ? nil : result
    }

    /// Notes that a state has been saved.
    package mutating func save(_ id: String, _ entry: Entry) {
        remove(id)
        entries[id] = entry
        bytes = bytes.addingSaturated(entry.bytes)
    }

    /// Notes that a state has been removed.
    package mutating func remove(_ id: String) {
        if let old = entries.removeValue(forKey: id) { bytes -= old.bytes }
    }
}
