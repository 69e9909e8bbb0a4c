internal import Synchronization

/// The identity of a stream, which no other stream of the process ever gets. Calls to a loop name a stream by it,
/// because its name may belong to another stream by the time a call arrives.
struct StreamIdentity: Hashable, Sendable {
    private let number: UInt64

    private static let last = Atomic<UInt64>(0)

    /// Makes a new identity.
    init() { number = Self.last.wrappingAdd(1, ordering: .relaxed).newValue }
}
