/// Words near to a misspelt one.
package enum Spelling {
    /// At most three of `words` that `word` may be meant for, the nearest first.
    package static func nearest(to word: String, in words: some Sequence<String>) -> [String] {
        let wanted = Array(word.lowercased().unicodeScalars)
        let limit = max(1, wanted.count / 3)
        let found = words.compactMap { candidate -> (distance: Int, word: String)? in
            let scalars = Array(candidate.lowercased().unicodeScalars)
            let distance = distance(wanted, scalars)
            // A part of a long label counts as near: "bark" is meant for "Bow-wow, bark".
            let isPart = wanted.count >= 3 && candidate.lowercased().contains(word.lowercased())
            return distance <= limit || isPart ? (isPart ? min(distance, limit) : distance, candidate) : nil
        }
        return found.sorted { ($0.distance, $0.word) < ($1.distance, $1.word) }.prefix(3).map(\.word)
    }

    /// The words as a question for a message; empty where nothing is near.
    package static func question(_ word: String, in words: some Sequence<String>) -> String {
        let near = nearest(to: word, in: words).map { "\"\($0)\"" }
        return near.isEmpty ? "" : " (did you mean \(near.joined(separator: " or "))?)"
    }

    /// Insertions, removals, replacements and exchanges of neighbours that make one word of the other.
    private static func distance(_ one: [Unicode.Scalar], _ other: [Unicode.Scalar]) -> Int {
        var before = [Int](repeating: 0, count: other.count + 1)
        var last = Array(0...other.count)
        for row in one.indices {
            var next = [row + 1] + [Int](repeating: 0, count: other.count)
            for column in other.indices {
                next[column + 1] = min(
                    last[column] + (one[row] == other[column] ? 0 : 1), last[column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column] {
                    next[column + 1] = min(next[column + 1], before[column - 1] + 1)
                }
            }
            (before, last) = (last, next)
        }
        return last[other.count]
    }
}
