/// The statistic of a label's probabilities that is its score in the summary of a recording.
public enum SummaryStatistic: String, Sendable, Decodable {
    /// Of a label that may come for a moment.
    case largest
    /// Of a label that is there most of the time.
    case mean
    /// Of a label that holds for a recording only if it holds all the time, as silence does.
    case least
}

/// The relations between the labels of a model.
struct LabelRelations {
    let labels: [String]
    let known: Set<String>

    init(_ labels: [String]) {
        self.labels = labels
        known = Set(labels)
    }

    /// Returns the reason why these are not the parents of labels, or `nil` if they are.
    func fault(inParents parents: [String: [String]]) -> String? {
        for (label, above) in parents.sorted(by: { $0.key < $1.key }) {
            if let other = ([label] + above).first(where: { !known.contains($0) }) {
                return "\"\(other)\" is not one of the labels"
            }
            guard !above.isEmpty && Set(above).count == above.count else {
                return "the parents of \"\(label)\" are none, or one is there twice"
            }
        }
        return cycle(in: parents).map { "\"\($0)\" is above itself" }
    }

    /// Returns a label that is its own ancestor. Labels whose parents are all settled are settled, round by round;
    /// those of a cycle never are.
    private func cycle(in parents: [String: [String]]) -> String? {
        var open = parents
        while !open.isEmpty {
            let settled = open.filter { $0.value.allSatisfy { open[$0] == nil } }
            guard !settled.isEmpty else { return labelOnCycle(open) }
            for label in settled.keys { open[label] = nil }
        }
        return nil
    }

    /// Follows parents that are not settled until a label comes again.
    private func labelOnCycle(_ open: [String: [String]]) -> String? {
        var seen: Set<String> = []
        var next = open.keys.min()
        while let label = next {
            guard seen.insert(label).inserted else { return label }
            next = open[label]?.first { open[$0] != nil }
        }
        return nil
    }
}
