/// Which saved states nobody has come back for. Pure: it is told the times.
///
/// The time of day alone does not say how old a file is: a machine without a battery for its clock starts in the past
/// and jumps, and what it saved before the jump would seem to be years old. So a state must also have been there,
/// unchanged, for a while of the clock that does not jump.
package struct StateAges {
    /// Time in which a client may come back after the clock has jumped, in seconds.
    package static let grace = 3600.0

    private struct Seen {
        let modified: Double
        let since: Double
    }

    private var seen: [String: Seen] = [:]

    package init() {}

    /// - Parameters:
    ///   - files: names, and when they were written by the time of day.
    ///   - time: by the time of day.
    ///   - monotonic: by a clock that does not jump.
    ///   - kept: how long a state is kept, in seconds.
    package mutating func expired(
        _ files: [String: Double], time: Double, monotonic: Double, kept: Double
    ) -> [String] {
        seen = files.reduce(into: [:]) { result, file in
            let before = seen[file.key]
            let isSame = before?.modified == file.value
            result[file.key] = isSame ? before : Seen(modified: file.value, since: monotonic)
        }
        return seen.filter { _, file in
            let watched = monotonic - file.since
            // A file of the future, from before the clock was set back, goes by what has been seen of it.
            return watched >= min(kept, Self.grace) && (time - file.modified > kept || watched > kept)
        }.keys.sorted()
    }
}
