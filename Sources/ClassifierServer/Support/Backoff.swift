/// Growing delays between tries: each one is twice as long as the one before, up to a minute.
package struct Backoff {
    package static let first = 0.5
    package static let longest = 60.0

    private var next = first

    package init() {}

    /// Returns the seconds to wait after a failure, and doubles the next delay.
    package mutating func delay() -> Double {
        defer { next = min(next * 2, Self.longest) }
        return next
    }

    package mutating func reset() { next = Self.first }
}
