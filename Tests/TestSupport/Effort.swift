/// How much of its work a test does. Unoptimised code, the more so with a sanitizer, is a hundred times slower: it is
/// given a sample, whose purpose is the checks that the compiler and the sanitizer make.
package enum Effort {
    #if DEBUG
        package static let isFull = false
    #else
        package static let isFull = true
    #endif

    /// One of two amounts.
    package static func choose<Amount>(_ full: Amount, reduced: Amount) -> Amount { isFull ? full : reduced }

    /// All of `cases`, or each `step`-th of them.
    package static func sample<Case>(_ cases: [Case], every step: Int) -> [Case] {
        isFull ? cases : stride(from: 0, to: cases.count, by: step).map { cases[$0] }
    }
}
