/// How large a test is. Optimised code runs the full size. Unoptimised code, which is a hundred times slower, and
/// slower still with a sanitizer, runs a sample for the checks that the compiler and the sanitizer make.
package enum TestScale {
    #if DEBUG
        package static let isFull = false
    #else
        package static let isFull = true
    #endif

    /// Returns the amount for this build.
    package static func choose<Amount>(_ full: Amount, reduced: Amount) -> Amount { isFull ? full : reduced }

    /// Returns all of `cases` in a full test, and every `step`-th of them in a reduced one.
    package static func sample<Case>(_ cases: [Case], every step: Int) -> [Case] {
        isFull ? cases : stride(from: 0, to: cases.count, by: step).map { cases[$0] }
    }
}
