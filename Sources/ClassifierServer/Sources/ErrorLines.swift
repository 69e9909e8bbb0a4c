/// What a command writes to its standard error, as lines for the log: short ones, and not too many, whatever it writes.
/// Pure: it is told the time.
package struct ErrorLines {
    /// Bytes of a line that are kept.
    package static let longest = 400
    /// Lines that may come at once, and how many more each second.
    package static let burst = 20.0
    package static let perSecond = 1.0

    private var line: [UInt8] = []
    private var isCut = false
    private var allowance = burst
    private var updated: Double
    private var leftOut = 0

    /// Too much comes: whoever reads it need not hurry.
    package var isLimited: Bool { leftOut > 0 }

    package init(at time: Double) { updated = time }

    /// - Parameter time: in seconds of a monotonic clock.
    /// - Returns: the lines that are to be logged.
    package mutating func push(_ bytes: some Sequence<UInt8>, at time: Double) -> [String] {
        allowance = min(Self.burst, allowance + max(0, time - updated) * Self.perSecond)
        updated = time
        var lines: [String] = []
        for byte in bytes {
            // Programs that show their progress return to the beginning of the line.
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                end(&lines)
            } else if line.count < Self.longest {
                line.append(byte)
            } else {
                isCut = true
            }
        }
        return lines
    }

    /// The end: a line without an end is one, too.
    package mutating func finish() -> [String] {
        var lines: [String] = []
        end(&lines)
        if leftOut > 0 { lines.append(Self.leftOut(leftOut)) }
        leftOut = 0
        return lines
    }

    private mutating func end(_ lines: inout [String]) {
        defer {
            line.removeAll(keepingCapacity: true)
            isCut = false
        }
        guard !line.isEmpty else { return }
        guard allowance >= 1 else {
            leftOut += 1
            return
        }
        allowance -= 1
        if leftOut > 0 { lines.append(Self.leftOut(leftOut)) }
        leftOut = 0
        // What a terminal would obey is not for a log.
        let text = String(
            String.UnicodeScalarView(
                String(decoding: line, as: UTF8.self).unicodeScalars.map {
                    $0.properties.generalCategory == .control ? " " : $0
                }))
        lines.append(isCut ? text + "..." : text)
    }

    private static func leftOut(_ count: Int) -> String { "(\(count) lines left out)" }
}
