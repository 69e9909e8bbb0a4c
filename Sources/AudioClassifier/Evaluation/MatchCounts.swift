/// Numbers of given, reported and right instances of a label, and the measures that follow from them.
package struct MatchCounts: Sendable, Equatable {
    package var given: Int
    package var reported: Int
    /// Instances that are both given and reported.
    package var right: Int

    package init(given: Int = 0, reported: Int = 0, right: Int = 0) {
        self.given = given
        self.reported = reported
        self.right = right
    }

    /// The right share of the reported instances; nil if none is reported.
    package var precision: Double? { Self.ratio(right, reported) }
    /// The found share of the given instances; nil if none is given.
    package var recall: Double? { Self.ratio(right, given) }
    /// The harmonic mean of precision and recall, 0 if one of them is undefined; nil if both are.
    package var f1: Double? { Self.ratio(2 * right, given + reported) }
    /// The same as ``f1``, but nil if precision or recall is undefined, as in sed_eval.
    package var strictF1: Double? { given == 0 || reported == 0 ? nil : f1 }

    package static func += (left: inout Self, right: Self) {
        left.given += right.given
        left.reported += right.reported
        left.right += right.right
    }

    private static func ratio(_ part: Int, _ whole: Int) -> Double? {
        whole == 0 ? nil : Double(part) / Double(whole)
    }
}

extension Sequence<Double?> {
    /// The mean of the values that are defined; nil if none is.
    package var meanOfDefined: Double? {
        let values = compactMap { $0 }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}
