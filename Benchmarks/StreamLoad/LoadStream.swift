internal import Glibc

/// One real-time stream over a non-blocking socket. It sends blocks of 16-bit samples on time, and reads lines.
struct LoadStream {
    /// Samples of a block: a prediction period of keywords-en, 40 ms at 16 kHz.
    static let block = 640
    static let blockNanoseconds: UInt64 = 40_000_000

    enum Outcome { case running, refused, ended, broken }

    let descriptor: Int32
    /// Time of block 0, in nanoseconds of the monotonic clock.
    let began: UInt64
    private(set) var blocks = 0
    private(set) var outcome = Outcome.running
    private(set) var gaps = 0
    private(set) var dropped = 0
    private(set) var frames = 0
    /// Times at which the blocks were first offered to the socket.
    private var offered: [UInt64] = []
    private var unsent: ArraySlice<UInt8> = []
    private var line: [UInt8] = []

    init(descriptor: Int32, began: UInt64) {
        self.descriptor = descriptor
        self.began = began
    }

    /// Time of the next block.
    var nextTime: UInt64 { began + UInt64(blocks) * Self.blockNanoseconds }

    /// Sends the next block. Bytes that do not fit into the socket wait for the time of the next block.
    mutating func send(_ samples: ArraySlice<UInt8>, now: UInt64) {
        offered.append(now)
        blocks += 1
        unsent += samples
        let count = unsafe unsent.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        // A connection that the service has closed may still hold a line with the reason, so `receive` decides.
        if count >= 0 { unsent = unsent.dropFirst(count) } else if errno != EAGAIN { unsent = [] }
    }

    /// Ends the audio after all blocks.
    mutating func finish() {
        if !unsent.isEmpty { leave(.broken) }
        shutdown(descriptor, Int32(SHUT_WR))
    }

    mutating func leave(_ outcome: Outcome) {
        if self.outcome == .running { self.outcome = outcome }
    }

    /// Reads the lines that have arrived.
    /// - Parameter latency: called for each prediction with the milliseconds since its newest sample was sent.
    mutating func receive(into buffer: inout [UInt8], now: UInt64, latency: (Float) -> Void) {
        let capacity = buffer.count
        let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, capacity, 0) }
        guard count > 0 else {
            if count == 0 || errno != EAGAIN { leave(.broken) }
            return
        }
        for byte in buffer[..<count] {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            take(now: now, latency)
            line.removeAll(keepingCapacity: true)
        }
    }

    private mutating func take(now: UInt64, _ latency: (Float) -> Void) {
        switch line.dropFirst(9).first {
        case UInt8(ascii: "f"):
            frames += 1
            let block = (number("\"sample\":") + Self.block - 1) / Self.block - 1
            if offered.indices.contains(block) { latency(Float(now - min(now, offered[block])) * 1e-6) }
        case UInt8(ascii: "g"): gaps += 1
        case UInt8(ascii: "e") where contains("\"type\":\"end\""):
            dropped = number("\"dropped\":")
            leave(.ended)
        case UInt8(ascii: "e") where contains("\"type\":\"error\""):
            leave(contains("\"code\":\"capacity\"") || contains("\"code\":\"streams\"") ? .refused : .broken)
        default: break
        }
    }

    private func contains(_ text: StaticString) -> Bool { end(of: text) != nil }

    private func number(_ key: StaticString) -> Int {
        guard let start = end(of: key) else { return 0 }
        return line[start...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            .reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// Returns the index after the first occurrence of a text in the line.
    private func end(of text: StaticString) -> Int? {
        let wanted = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard line.count >= wanted.count else { return nil }
        for start in 0...(line.count - wanted.count) where unsafe line[start] == wanted[0] {
            if unsafe line[start..<(start + wanted.count)].elementsEqual(wanted) { return start + wanted.count }
        }
        return nil
    }
}
