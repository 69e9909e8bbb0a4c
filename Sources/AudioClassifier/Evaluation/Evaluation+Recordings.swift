/// Whole recordings: which labels they have, and which the program gives them.
extension Evaluation {
    /// The recordings whose first label is right.
    package struct FirstLabel: Sendable, Equatable {
        /// Recordings with a label.
        package let recordings: Int
        package let right: Int
        /// Recordings whose first label is a given one, or above or below one in the tree of labels.
        package let related: Int

        package var accuracy: Double? { share(right) }
        package var relatedAccuracy: Double? { share(related) }

        private func share(_ part: Int) -> Double? {
            recordings == 0 ? nil : Double(part) / Double(recordings)
        }
    }

    package var firstLabel: FirstLabel {
        let labelled = recordings.filter { !$0.labels.isEmpty }
        return FirstLabel(
            recordings: labelled.count,
            right: labelled.count { recording in recording.first.map { recording.labels.contains($0) } ?? false },
            related: labelled.count { recording in
                recording.first.map { !recording.labels.isDisjoint(with: relatives[$0]) } ?? false
            })
    }

    /// Returns the labels that count as reported of a recording: the first one where every recording has one label,
    /// otherwise those with a score of at least their threshold. Nothing is expected of a recording without labels, so
    /// that the background is right there, and does not count.
    private func reported(_ recording: EvaluatedRecording, isSingle: Bool) -> Set<Int> {
        if isSingle { return Set([recording.first].compactMap { $0 }) }
        let isExpected = recording.labels.isEmpty ? isEvent : isShown
        return Set(labels.indices.filter { isExpected[$0] && recording.scores[$0] >= thresholds[$0] })
    }

    /// For each label, the recordings that have it and those of which it is reported.
    package var recordingCounts: [MatchCounts] {
        var counts = labels.map { _ in MatchCounts() }
        let isSingle = isSingle
        for recording in recordings {
            let reported = reported(recording, isSingle: isSingle)
            for label in recording.labels { counts[label].given += 1 }
            for label in reported { counts[label].reported += 1 }
            for label in reported.intersection(recording.labels) { counts[label].right += 1 }
        }
        return counts
    }

    /// Returns the average precision of a label's scores over the recordings; nil if no recording has the label.
    package func averagePrecision(_ label: Int) -> Double? {
        AveragePrecision.value(
            recordings.map { $0.scores[label] }, isPositive: recordings.map { $0.labels.contains(label) })
    }

    /// Numbers of recordings by given and by first label, of those with one label.
    package struct Confusion: Sendable, Equatable {
        /// Labels that are given or reported, in the model's order.
        package let labels: [Int]
        /// For each given label, the recordings with each first label.
        package let counts: [[Int]]
    }

    package var confusion: Confusion {
        let single = recordings.compactMap { recording -> (given: Int, first: Int)? in
            guard recording.labels.count == 1, let given = recording.labels.first, let first = recording.first
            else { return nil }
            return (given, first)
        }
        let used = Set(single.map(\.given)).union(single.map(\.first)).sorted()
        var counts = used.map { _ in used.map { _ in 0 } }
        let place = Dictionary(uniqueKeysWithValues: used.enumerated().map { ($1, $0) })
        for (given, first) in single {
            guard let row = place[given], let column = place[first] else { continue }
            counts[row][column] += 1
        }
        return Confusion(labels: used, counts: counts)
    }

    /// Probabilities beside how often they were right: those of the first label where every recording has one label,
    /// otherwise those of all labels that the data has.
    package var reliability: Reliability {
        var reliability = Reliability()
        let (isSingle, given) = (isSingle, givenLabels)
        for recording in recordings {
            guard let first = recording.first else { continue }
            for label in isSingle ? [first] : given.sorted() {
                reliability.add(recording.scores[label], isRight: recording.labels.contains(label))
            }
        }
        return reliability
    }

    /// A recording with its given labels beside the first label.
    package struct Comparison: Sendable {
        package let file: String
        package let seconds: Double
        /// The given labels in the model's order.
        package let given: [Int]
        package let first: Int?
        package let probability: Float
        /// The least probability of a given label; nil if none is given.
        package let givenProbability: Float?
        /// Whether the first label is a given one, or the background of a recording without labels.
        package let isRight: Bool

        /// How much likelier the first label is than the given ones. A large value hints at an error in the labels.
        fileprivate var doubt: Float {
            guard first != nil, !isRight || given.count > 1 else { return -1 }
            return probability - (givenProbability ?? (1 - probability))
        }
    }

    /// The recordings, those first whose labels are likely errors.
    package var comparisons: [Comparison] {
        recordings.map { recording in
            let given = recording.labels.sorted()
            return Comparison(
                file: recording.file, seconds: recording.seconds, given: given, first: recording.first,
                probability: recording.first.map { recording.scores[$0] } ?? 0,
                givenProbability: given.map { recording.scores[$0] }.min(),
                isRight: recording.first.map { given.isEmpty ? !isEvent[$0] : given.contains($0) } ?? false)
        }.sorted { ($1.doubt, $0.givenProbability ?? 0, $0.file) < ($0.doubt, $1.givenProbability ?? 0, $1.file) }
    }
}
