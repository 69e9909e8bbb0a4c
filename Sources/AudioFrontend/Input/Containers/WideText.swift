/// Identifies text of two or four bytes a character.
enum WideText {
    // Invariant: counts are those of the first bytes of an input, at most 512.
    /// Least number of characters.
    private static let shortest = 16
    /// Fewest different characters.
    private static let fewestKinds = 6
    /// Bytes that are looked at.
    private static let reach = 512

    static func isWide(_ bytes: [UInt8]) -> Bool {
        for isLittle in [true, false] {
            let mark: [UInt8] = isLittle ? [0xFF, 0xFE] : [0xFE, 0xFF]
            let longMark = isLittle ? mark + [0, 0] : [0, 0] + mark
            if bytes.starts(with: longMark), isText(units(bytes.dropFirst(4), 4, isLittle)) { return true }
            if bytes.starts(with: mark), isText(units(bytes.dropFirst(2), 2, isLittle)) { return true }
            if isLatin(units(bytes[...], 2, isLittle)) { return true }
        }
        return false
    }

    private static func units(_ bytes: ArraySlice<UInt8>, _ size: Int, _ isLittle: Bool) -> [Int] {
        let bytes = Array(bytes.prefix(reach))
        return stride(from: 0, to: bytes.count - size + 1, by: size).map { offset in
            isLittle ? bytes.little(offset, size) : bytes.big(offset, size)
        }
    }

    /// Whether the characters behind a byte order mark are text of any script. Quiet samples are control codes.
    private static func isText(_ units: [Int]) -> Bool {
        let hasSpaces = units.contains { [0x20, 0x0A, 0x3000, 0x3002].contains($0) }
        return units.count >= shortest && Set(units).count >= fewestKinds && hasSpaces
            && units.allSatisfy { (0x20..<0xD800).contains($0) && $0 != 0x7F || isSpace($0) || $0 >> 16 == 1 }
    }

    /// Whether the characters are of the Latin scripts. Without a byte order mark, quiet samples with an offset have
    /// the same codes, but not as many spaces.
    private static func isLatin(_ units: [Int]) -> Bool {
        let spaces = units.count { $0 == 0x20 }
        let neighbours = units.count { $0 == 0x1F || $0 == 0x21 }
        let latin = units.count { (0x20..<0x250).contains($0) && $0 != 0x7F || isSpace($0) }
        return units.count >= shortest && Set(units).count >= fewestKinds && 50 * latin >= 49 * units.count
            && 25 * spaces >= units.count && spaces > 2 + 2 * neighbours
    }

    private static func isSpace(_ unit: Int) -> Bool { [0x09, 0x0A, 0x0D].contains(unit) }
}
