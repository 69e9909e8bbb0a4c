extension FixedWidthInteger {
    /// Returns the sum, or the largest or smallest number of this type if the sum lies beyond it. Counters of what
    /// clients send are added with it, because an overflow would stop the program.
    package func addingSaturated(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        guard overflow else { return sum }
        return other < 0 ? .min : .max
    }
}
