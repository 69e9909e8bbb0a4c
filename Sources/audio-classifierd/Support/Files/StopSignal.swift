internal import Glibc
internal import Synchronization

/// SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable: a waiting reader wakes up, drains its input and
/// ends.
package enum StopSignal {
    private static let raised = Atomic<Int32>(0)
    private static let writeEnd = Atomic<Int32>(-1)

    /// Whether a signal to stop has arrived.
    package static var isRaised: Bool { number != 0 }

    /// Number of the signal; 0 before it arrives.
    package static var number: Int32 { raised.load(ordering: .relaxed) }

    /// Begins to listen. A second signal ends the program at once.
    /// - Returns: the descriptor to wait on.
    package static func install() -> Int32? {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return nil }
        StalledOutput.watch(ends[0])
        writeEnd.store(ends[1], ordering: .relaxed)
        for number in [SIGINT, SIGTERM, SIGHUP] where number != SIGHUP || !isIgnored(number) {
            signal(number) { number in
                // Only calls that are safe in a signal handler: an atomic, write, signal.
                StopSignal.stop(number)
                signal(SIGINT, SIG_DFL)
                signal(SIGTERM, SIG_DFL)
            }
        }
        return ends[0]
    }

    /// Whether the program that started this one wants the signal to do nothing, as nohup(1) does.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
    }

    /// The end of a command that a signal has stopped before its work was done.
    package struct Stopped: Error {
        /// What was left undone, as a part of a sentence.
        package let consequence: String

        package init(_ consequence: String) { self.consequence = consequence }
    }

    /// - Throws: ``Stopped`` if a signal has arrived.
    package static func check(_ consequence: @autoclosure () -> String) throws(Stopped) {
        if isRaised { throw Stopped(consequence()) }
    }

    /// Makes all readers end, as the signal would.
    package static func stop(_ number: Int32 = SIGTERM) {
        raised.store(number, ordering: .relaxed)
        var byte: UInt8 = 0
        _ = unsafe write(writeEnd.load(ordering: .relaxed), &byte, 1)
    }
}
