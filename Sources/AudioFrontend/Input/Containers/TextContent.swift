/// Identifies text in place of samples.
enum TextContent {
    /// Least number of bytes that can be identified as text.
    private static let shortest = 16
    /// Fewest different bytes. A constant or a square wave may look like text of a few letters.
    private static let fewestKinds = 6

    /// The kind of text; `nil` if the bytes are not text.
    static func name(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            return isUTF16(bytes) ? "text (UTF-16)" : nil
        }
        guard bytes.count >= shortest, Set(bytes).count >= fewestKinds, isUTF8(bytes) else { return nil }
        let text = String(decoding: bytes.prefix(512), as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        let beginning = text.prefix(15).lowercased()
        if beginning.hasPrefix("<!doctype html") || beginning.hasPrefix("<html") { return "HTML" }
        if beginning.hasPrefix("<") { return "XML" }
        if beginning.hasPrefix("{") || beginning.hasPrefix("[") { return "JSON" }
        return "text"
    }

    /// Whether the bytes are printable UTF-8. The last character may be cut.
    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || [0x09, 0x0A, 0x0C, 0x0D].contains($0) }) else {
            return false
        }
        return (0...3).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
    }

    /// Whether the bytes are UTF-16: a byte order mark, then only characters of the Latin scripts and line ends.
    private static func isUTF16(_ bytes: [UInt8]) -> Bool {
        let isLittle = bytes[0] == 0xFF
        let units = stride(from: 2, to: bytes.count - 1, by: 2).prefix(256).map { offset in
            isLittle ? bytes.little(offset, 2) : bytes.big(offset, 2)
        }
        return units.count >= shortest && Set(units).count >= fewestKinds
            && units.allSatisfy { (0x20..<0x250).contains($0) && $0 != 0x7F || [0x09, 0x0A, 0x0D].contains($0) }
    }
}
