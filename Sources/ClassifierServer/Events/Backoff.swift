/// How long to wait before the next try: twice as long each time, up to a minute. Pure.
package struct Backoff {
    package static let first = 0.5
    package static let longest = 60.0

    private var next = first

    package init() {}

    /// Seconds to wait now, after a failure.
    package mutating func delay() -> Double {
        defer { next = min(next * 2, Self.longest) }
        return next
    }

    package mutating func reset() { next = Self.first }
}
