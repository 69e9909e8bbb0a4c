/// The life of a connection that has a stream or a refusal. A pure value: its owner carries out the steps that the
/// events return.
///
///     serving --finish--> writing --written--> lingering --input ends--> closed
///        |                   |                    |
///        +---broken----------+--------------------+--timeout-----------> closed
///
/// A connection is serving until its stream has ended. It is writing until the client has the last lines, and lingers
/// until the client stops sending: an earlier close could reset the connection and destroy lines that the client has
/// not read.
package struct ConnectionLife {
    package enum State: Equatable, Sendable { case serving, writing, lingering, closed }

    package enum Step: Equatable, Sendable {
        /// End the stream for a reason; the connection goes on until the stream has ended.
        case endStream(EndReason)
        /// Say to the client that no more lines follow.
        case endOutput
        case close
    }

    package private(set) var state = State.serving
    private var isInputEnded = false

    package init() {}

    /// Whether lines still go to the client.
    package var isServing: Bool { state == .serving }
    /// Whether the client may still send audio.
    package var takesInput: Bool { state == .serving && !isInputEnded }

    /// The client ends its input.
    /// - Parameter reason: the end of the stream that follows from it; nil if the input itself says the end.
    package mutating func endInput(_ reason: EndReason?) -> [Step] {
        guard state != .closed, !isInputEnded else { return [] }
        isInputEnded = true
        switch state {
        case .serving: return reason.map { [.endStream($0)] } ?? []
        case .lingering: return close()
        case .writing, .closed: return []
        }
    }

    /// The last lines go to the client.
    /// - Returns: false if others have gone before.
    package mutating func finish() -> Bool {
        guard state == .serving else { return false }
        state = .writing
        return true
    }

    /// The client's system has the last lines.
    package mutating func written() -> [Step] {
        guard state == .writing else { return [] }
        if isInputEnded { return [.endOutput] + close() }
        state = .lingering
        return [.endOutput]
    }

    /// The time for the last lines, or for the client to stop sending, is over.
    package mutating func timeout() -> [Step] { state == .closed || state == .serving ? [] : close() }

    /// The connection is closed or broken.
    package mutating func broken() -> [Step] {
        guard state != .closed else { return [] }
        let wasServing = state == .serving
        state = .closed
        return wasServing && !isInputEnded ? [.endStream(.lost)] : []
    }

    private mutating func close() -> [Step] {
        state = .closed
        return [.close]
    }
}
