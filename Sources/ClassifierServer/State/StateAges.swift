/// The ages of saved states, to find those that no client has resumed. A pure value: callers pass the times.
///
/// The time of day alone does not give the age of a file: a machine without a battery for its clock starts in the past
/// and jumps, and a state from before the jump would seem to be years old. A state therefore expires only after it has
/// also been seen unchanged for a while of a clock that never jumps.
package struct StateAges {
    /// The least time for a client to resume after a jump of the clock, in seconds.
    package static let grace = 3600.0

    private struct Seen {
        let modified: Double
        let since: Double
    }

    private var seen: [String: Seen] = [:]

    package init() {}

    /// Returns the names of the expired files, sorted.
    /// - Parameters:
    ///   - files: the time of day of each file's last change, by name.
    ///   - time: the time of day.
    ///   - monotonic: the time of a clock that never jumps.
    ///   - kept: the lifetime of a state in seconds.
    package mutating func expired(
        _ files: [String: Double], time: Double, monotonic: Double, kept: Double
    ) -> [String] {
        seen = files.reduce(into: [:]) { result, file in
            let before = seen[file.key]
            let isSame = before?.modified == file.value
            result[file.key] = isSame ? before : Seen(modified: file.value, since: monotonic)
        }
        return seen.filter { _, file in
            // Invariant: times are floating-point numbers.
            let watched = monotonic - file.since
            // A file from the future, written before the clock was set back, expires by the time for which it was seen.
            return watched >= min(kept, Self.grace) && (time - file.modified > kept || watched > kept)
        }.keys.sorted()
    }
}
