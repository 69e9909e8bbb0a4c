package import StreamTransformer

/// The labels that a list begins with, where a model knows which labels are more general than others.
public enum LabelChoice: String, Sendable, CaseIterable {
    /// A label gives way to a more specific one that has at least half of its probability.
    case leaf
    /// All labels, the most probable first.
    case all
}

/// The order of labels in a list, by their probabilities and by the tree of a model's labels.
///
/// With ``LabelChoice/leaf`` a label gives way to the most probable of its children if that has at least half of its
/// probability, and so on down to a label that gives way to none. The list has the labels to which all labels lead,
/// from the most probable label to the least. Labels that have given way follow behind all others, the most probable
/// first.
package struct LabelRanking: Sendable, Equatable {
    private let isIncluded: [Bool]
    /// Indices of all labels, then those of each label's children.
    private let members: [Int]
    /// For each label, where ``members`` has its children; empty if no label gives way.
    private let children: [Range<Int>]

    /// The part of its parent's probability with which a label takes its place.
    private static let share: Float = 0.5

    /// - Parameter isIncluded: for each label, whether a list may have it.
    package init(_ model: ModelConfiguration, _ choice: LabelChoice, isIncluded: [Bool]) {
        self.isIncluded = isIncluded
        var members = Array(model.labels.indices)
        var ranges: [Range<Int>] = []
        if choice == .leaf, !model.parents.isEmpty {
            var below: [String: [Int]] = [:]
            for (index, label) in model.labels.enumerated() {
                for parent in model.parents[label] ?? [] { below[parent, default: []].append(index) }
            }
            for label in model.labels {
                let first = members.count
                members += below[label] ?? []
                ranges.append(first..<members.count)
            }
        }
        self.members = members
        children = ranges
    }

    /// The order of a model's labels in predictions.
    package init(_ model: ModelConfiguration) {
        self.init(model, .leaf, isIncluded: model.labels.map { _ in true })
    }

    /// The order of labels without a tree.
    package init(labels: Int) {
        isIncluded = [Bool](repeating: true, count: labels)
        members = Array(0..<labels)
        children = []
    }

    /// Returns the index of the first label of the list, or `nil` for an empty list, without allocating memory.
    package func first(_ probabilities: [Float]) -> Int? {
        largest(in: probabilities.indices, probabilities, isIncluded).map { end(of: $0, probabilities) }
    }

    /// Returns the indices of the first labels of the list. Of equal probabilities the first one counts as larger.
    package func ranked(_ probabilities: [Float], _ count: Int) -> [Int] {
        guard !children.isEmpty else { return probabilities.ranked(count) { isIncluded[$0] } }
        var isLeft = isIncluded
        var list: [Int] = []
        while list.count < count, let label = largest(in: probabilities.indices, probabilities, isLeft) {
            isLeft[label] = false
            let end = end(of: label, probabilities)
            if !list.contains(end) { list.append(end) }
        }
        guard list.count < count else { return list }
        return list + probabilities.ranked(count - list.count) { isIncluded[$0] && !list.contains($0) }
    }

    /// Returns the label at the end of the path on which a label gives way; it may be the label itself.
    private func end(of label: Int, _ probabilities: [Float]) -> Int {
        var label = label
        while let child = heir(of: label, probabilities) { label = child }
        return label
    }

    /// Returns the child to which a label gives way, or `nil` if it does not.
    private func heir(of label: Int, _ probabilities: [Float]) -> Int? {
        guard !children.isEmpty, let child = largest(in: children[label], probabilities, isIncluded),
            probabilities[child] >= Self.share * probabilities[label]
        else { return nil }
        return child
    }

    /// Returns the most probable of the labels in a range of ``members``.
    private func largest(in range: Range<Int>, _ probabilities: [Float], _ isLeft: [Bool]) -> Int? {
        var largest: Int?
        var position = range.lowerBound
        while position < range.upperBound {
            let label = members[position]
            position += 1
            guard isLeft[label] else { continue }
            if let current = largest, probabilities[label] <= probabilities[current] { continue }
            largest = label
        }
        return largest
    }
}
