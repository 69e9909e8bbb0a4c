/// Identifies text in place of samples.
enum TextContent {
    /// Least number of bytes that can be identified as text.
    private static let shortest = 16
    /// Least number of bytes in an encoding of one byte a letter, which has no rules but its control codes.
    private static let shortestOfBytes = 100
    /// Fewest different bytes. A constant or a square wave may look like text of a few letters.
    private static let fewestKinds = 6
    /// Bytes of text that suffice in front of other data.
    static let beginning = 24

    /// The kind of text; `nil` if the bytes are not text.
    /// - Parameter isWhole: whether no more bytes follow.
    static func name(_ bytes: [UInt8], isWhole: Bool) -> String? {
        if WideText.isWide(bytes) { return "text (UTF-16 or UTF-32)" }
        let least = isWhole ? 4 : shortest
        let kinds = Set(bytes).count
        guard bytes.count >= least, kinds >= min(fewestKinds, bytes.count / 2) else { return nil }
        if isUTF8(bytes) { return kind(bytes) }
        return isLatin(bytes) ? kind(bytes) : beginning(bytes)
    }

    // Invariant: counts are those of the first bytes of an input, which are in memory.
    /// Text at the beginning of other data: a description, or the head of a message, which may begin with a ruler.
    ///
    /// Most of its letters are small. Samples of 8 bits in the range of letters are as often in that of capitals.
    static func beginning(_ bytes: [UInt8]) -> String? {
        for count in [beginning, 2 * beginning, 4 * beginning] where bytes.count >= count {
            let text = bytes[..<count]
            let small = text.count { (0x61...0x7A).contains($0) }
            let capitals = text.count { (0x40...0x60).contains($0) }
            if mayBegin(Array(text)), Set(text).count >= 8, 10 * small >= 3 * count, 2 * capitals < small,
                isJumpy(text)
            {
                return kind(bytes)
            }
        }
        return nil
    }

    /// Whether all bytes are printable ASCII or ends of lines.
    static func mayBegin(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { isPrintable($0) || isSpace($0) } }

    static func isPrintable(_ byte: UInt8) -> Bool { (0x20..<0x7F).contains(byte) }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x09, 0x0A, 0x0C, 0x0D, 0x1B].contains(byte) }

    private static func kind(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes.prefix(512), as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        let beginning = text.prefix(15).lowercased()
        if beginning.hasPrefix("<!doctype html") || beginning.hasPrefix("<html") { return "HTML" }
        if beginning.hasPrefix("<") { return "XML" }
        if beginning.hasPrefix("{") || beginning.hasPrefix("[") { return "JSON" }
        return "text"
    }

    /// Whether the bytes are printable UTF-8. The last character may be cut.
    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || isSpace($0) }) else { return false }
        return (0...3).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
    }

    /// Whether the bytes are text in an encoding of one or two bytes a letter: ISO 8859, Windows, KOI8, Shift JIS, ...
    ///
    /// Text has no control codes, and large differences between neighbours. It is mostly ASCII, or the ASCII between
    /// its letters of other scripts is mostly spaces and ends of lines. Samples of 8 bits are not like that.
    private static func isLatin(_ bytes: [UInt8]) -> Bool {
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || isSpace($0) }), isJumpy(bytes[...]) else { return false }
        let plain = bytes.count { $0 < 0x80 }
        if 10 * plain >= 8 * bytes.count, bytes.count >= shortest { return true }
        var (singles, spaces, index) = (0, 0, 0)
        while index < bytes.count {
            if bytes[index] >= 0x80 {
                // The second byte of a letter may be in the range of ASCII.
                index += index + 1 < bytes.count && bytes[index + 1] >= 0x40 ? 2 : 1
            } else {
                singles += 1
                if bytes[index] == 0x20 || bytes[index] == 0x0A { spaces += 1 }
                index += 1
            }
        }
        return bytes.count >= shortestOfBytes && 60 * spaces >= bytes.count && 4 * spaces >= singles
    }

    /// Whether neighbours differ much, as letters do and samples of 8 bits do not.
    private static func isJumpy(_ bytes: ArraySlice<UInt8>) -> Bool {
        let sum = zip(bytes, bytes.dropFirst()).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        return sum >= 10 * (bytes.count - 1)
    }
}
