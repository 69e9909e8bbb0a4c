internal import StrictCoding

/// Turns the standard error of a command into lines for the log, of which it bounds length and rate. A pure value:
/// callers pass the time.
package struct ErrorLines {
    /// Largest length of a line in bytes; the rest is cut.
    package static let longest = 400
    /// Number of lines that may come at once, and the rate of further ones.
    package static let burst = 20.0
    package static let perSecond = 1.0

    private var line: [UInt8] = []
    private var isCut = false
    private var allowance = TokenBucket(capacity: burst, perSecond: perSecond)
    private var leftOut = 0

    /// Whether lines are left out, so that their reader may slow down.
    package var isLimited: Bool { leftOut > 0 }

    package init() {}

    /// Adds bytes.
    /// - Parameter time: in seconds of a monotonic clock.
    /// - Returns: lines for the log.
    package mutating func push(_ bytes: some Sequence<UInt8>, at time: Double) -> [String] {
        allowance.refill(at: time)
        var lines: [String] = []
        for byte in bytes {
            // Progress displays end their lines with carriage returns.
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

    /// Ends the last line, even without a line end.
    /// - Returns: lines for the log.
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
        guard allowance.take() else {
            leftOut += 1
            return
        }
        if leftOut > 0 { lines.append(Self.leftOut(leftOut)) }
        leftOut = 0
        // Control characters could manipulate a terminal that shows the log.
        let text = String(
            String.UnicodeScalarView(
                String(decoding: line, as: UTF8.self).unicodeScalars.map {
                    $0.properties.generalCategory == .control ? " " : $0
                }))
        lines.append(isCut ? text + "..." : text)
    }

    private static func leftOut(_ count: Int) -> String { "(\(Quantity.text(count, "line")) left out)" }
}
