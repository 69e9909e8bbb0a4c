/// Formats that have no magic of their own, or a short one, but fields whose values depend on each other.
enum Structure {
    // Invariant: each check compares the number of bytes with the offsets that it reads; fields have 32 bits at most.
    /// Identifies the content by the fields at the beginning of `bytes`.
    static func content(_ bytes: [UInt8]) -> Content? {
        if let name = matlab4(bytes) { return name == "samplerate" ? .soundFile("MATLAB 4") : .foreign("MATLAB 4") }
        return checks.first { $0.isIt(bytes) }.map { .foreign($0.name) }
    }

    private static let checks: [(name: String, isIt: @Sendable ([UInt8]) -> Bool)] = [
        ("JPEG", { $0.count > 6 && $0.starts(with: [0xFF, 0xD8, 0xFF]) && 0xC0...0xFE ~= $0[3] && $0.big(4, 2) > 1 }),
        ("a gzip file", isGzip), ("a file of compress", isCompress), ("an LZMA file", isLZMA),
        ("a tar archive", isTar), ("an LHA archive", isLHA), ("an ARJ archive", isARJ), ("a cpio archive", isCpio),
        ("BMP", isBitmap), ("an icon", isIcon), ("PCX", isPCX), ("a picture (PNM)", isNetpbm),
        ("a Windows program", isWindowsProgram), ("a font", isFont), ("Python bytecode", isPythonBytecode),
        ("a pickle of Python", isPickle), ("a Safetensors model", { jsonOffset($0) == 8 }),
        ("JSON behind other bytes", { jsonOffset($0) != nil }), ("a dBase table", isDBase),
        ("a resource fork of Macintosh", isResourceFork), ("MacBinary", isMacBinary), ("Musepack", isMusepack),
        ("Flash video", isFlash), ("an ONNX model", isONNX), ("a disk image", isDisk),
        ("a terminal's description", isTerminal),
        ("a file with a byte order mark", { $0.starts(with: [0xEF, 0xBB, 0xBF]) }),
        ("an EMF picture", { $0.starts(with: [1, 0, 0, 0]) && $0.has(" EMF", at: 40) }),
    ]

    // MARK: Archives

    private static func isGzip(_ bytes: [UInt8]) -> Bool {
        bytes.count > 10 && bytes.starts(with: [0x1F, 0x8B, 8]) && bytes[3] & 0xE0 == 0
    }

    private static func isCompress(_ bytes: [UInt8]) -> Bool {
        // The first code has nine bits and is a literal.
        bytes.count > 5 && bytes.starts(with: [0x1F, 0x9D]) && (0x89...0x90).contains(bytes[2]) && bytes[4] & 1 == 0
    }

    private static func isLZMA(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 13, bytes[0] == 0x5D, bytes[1] == 0, bytes[13] == 0 else { return false }
        let dictionary = bytes.little(1, 4)
        let isRound = dictionary >= 1 << 12 && (dictionary.nonzeroBitCount == 1 || dictionary.nonzeroBitCount == 2)
        return isRound && (bytes[5..<13].allSatisfy { $0 == 0xFF } || bytes[10..<13].allSatisfy { $0 == 0 })
    }

    /// A tar archive of any age: the checksum of the first header.
    private static func isTar(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 512, bytes[0] != 0 else { return false }
        let digits = bytes[148..<156].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        guard digits.count >= 3 else { return false }
        let stated = digits.reduce(0) { $0 * 8 + Int($1 & 7) }
        let sum = (0..<512).reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(bytes[$1])) }
        return stated == sum
    }

    private static func isLHA(_ bytes: [UInt8]) -> Bool {
        bytes.count > 21 && bytes[2] == 0x2D && bytes[3] == 0x6C && bytes[6] == 0x2D
            && "hz".utf8.contains(bytes[4]) && "0123456789sdx".utf8.contains(bytes[5]) && bytes[20] <= 3
    }

    private static func isARJ(_ bytes: [UInt8]) -> Bool {
        bytes.count > 34 && bytes.starts(with: [0x60, 0xEA]) && (30...2600).contains(bytes.little(2, 2))
            && (30...48).contains(bytes[4]) && bytes[7] <= 12 && bytes[10] == 2
    }

    /// The old binary kind, in either byte order.
    private static func isCpio(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 28 else { return false }
        let isLittle = bytes.little(0, 2) == 0x71C7
        guard isLittle || bytes.big(0, 2) == 0x71C7 else { return false }
        func field(_ offset: Int) -> Int { isLittle ? bytes.little(offset, 2) : bytes.big(offset, 2) }
        let length = field(20)
        return [0x4, 0x8, 0xA].contains(field(6) >> 12) && (2...1024).contains(length) && 26 + length <= bytes.count
            && bytes[25 + length] == 0 && bytes[26..<25 + length].allSatisfy { $0 >= 0x20 }
    }

    /// A boot sector with a table of partitions, or the superblock of ext2 and its successors.
    private static func isDisk(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 512 else { return false }
        if bytes[510] == 0x55, bytes[511] == 0xAA {
            return (0..<4).allSatisfy { bytes[446 + 16 * $0] & 0x7F == 0 } || bytes[0] == 0xEB && bytes[2] == 0x90
        }
        return bytes.count >= 1090 && bytes.little(1080, 2) == 0xEF53 && bytes.little(1024, 4) > 0
            && (1...3).contains(bytes.little(1084, 2))
    }

    // MARK: Pictures

    private static func isBitmap(_ bytes: [UInt8]) -> Bool {
        bytes.count > 30 && bytes.has("BM") && bytes.little(6, 4) == 0 && (26..<4096).contains(bytes.little(10, 4))
            && [12, 16, 40, 52, 56, 64, 108, 124].contains(bytes.little(14, 4))
    }

    private static func isIcon(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 22, bytes[0] == 0, bytes[1] == 0, [1, 2].contains(bytes.little(2, 2)) else { return false }
        let count = bytes.little(4, 2)
        let isPlausible = bytes[2] == 2 || bytes.little(10, 2) <= 1 && [0, 1, 4, 8, 16, 24, 32].contains(bytes[12])
        return (1...64).contains(count) && bytes[9] == 0 && isPlausible && bytes.little(14, 4) > 0
            && bytes.little(18, 4) == 6 + 16 * count
    }

    private static func isPCX(_ bytes: [UInt8]) -> Bool {
        bytes.count > 68 && bytes[0] == 10 && bytes[1] <= 5 && bytes[2] == 1 && [1, 2, 4, 8].contains(bytes[3])
            && bytes.little(4, 4) == 0 && bytes.little(8, 2) > 0 && bytes.little(10, 2) > 0 && bytes[64] == 0
            && (1...4).contains(bytes[65])
    }

    /// PBM, PGM, PPM, PAM: a letter, a digit, and then lines of text.
    private static func isNetpbm(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 8, bytes[0] == 0x50, (0x31...0x37).contains(bytes[1]) else { return false }
        return [10, 13, 32].contains(bytes[2]) && "#W0123456789".utf8.contains(bytes[3])
            && TextContent.mayBegin(Array(bytes[3...].prefix(6)))
    }

    private static func isFlash(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 12 else { return false }
        if bytes.has("FLV") { return bytes[3] <= 8 && [0, 1, 4, 5].contains(bytes[4]) }
        return ["FWS", "CWS", "ZWS"].contains { bytes.has($0) } && (1...60).contains(bytes[3]) && bytes[7] == 0
    }

    // MARK: Programs and data

    private static func isWindowsProgram(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 64, bytes.has("MZ") else { return false }
        let offset = bytes.little(60, 4)
        if (64...bytes.count).contains(offset), bytes.has("PE\0\0", at: offset) || bytes.has("NE", at: offset) {
            return true
        }
        return bytes.little(2, 2) <= 512 && (1...2048).contains(bytes.little(4, 2))
            && (2...1024).contains(bytes.little(8, 2)) && bytes.little(24, 2) <= 1024
    }

    private static func isFont(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 28, bytes.starts(with: [0, 1, 0, 0]) else { return false }
        let tables = bytes.big(4, 2)
        guard (4...64).contains(tables) else { return false }
        return bytes.big(6, 2) == 16 << (Int.bitWidth - 1 - tables.leadingZeroBitCount)
    }

    private static func isPythonBytecode(_ bytes: [UInt8]) -> Bool {
        let version = bytes.count > 16 ? bytes.little(0, 2) : 0
        return bytes.count > 16 && bytes[2] == 13 && bytes[3] == 10
            && ((3000..<3800).contains(version) || (62_000..<62_300).contains(version))
    }

    private static func isPickle(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 12, bytes[0] == 0x80, (2...5).contains(bytes[1]) else { return false }
        if bytes[1] >= 4 { return bytes[2] == 0x95 && bytes.little(7, 4) == 0 }
        // A list, a table or a tuple that is remembered first, or a class.
        if [0x5D, 0x7D, 0x28].contains(bytes[2]), bytes[3] == 0x71, bytes[4] == 0 { return true }
        return bytes[2] == 0x63 && bytes[3..<11].allSatisfy { TextContent.isPrintable($0) }
    }

    /// The offset of a JSON object behind a length, as formats of tensors and of three-dimensional scenes have it.
    private static func jsonOffset(_ bytes: [UInt8]) -> Int? {
        (1...32).first { offset in
            guard bytes.count >= offset + 16, bytes[offset] == 0x7B else { return false }
            let text = bytes[(offset + 1)...].drop { [0x20, 10, 13].contains($0) }
            return text.first == 0x22 && text.prefix(14).allSatisfy { TextContent.isPrintable($0) }
        }
    }

    /// A number and then a name: the first two fields of a message in protocol buffers.
    private static func isONNX(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 48, bytes[0] == 8, bytes[1] <= 20, bytes[2] == 0x12, (4...40).contains(bytes[3]) else {
            return false
        }
        return bytes[4..<4 + Int(bytes[3])].allSatisfy { TextContent.isPrintable($0) }
    }

    private static func isDBase(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 66, [3, 0x30, 0x83, 0x8B, 0xF5].contains(bytes[0]) else { return false }
        let header = bytes.little(8, 2)
        return (1...12).contains(bytes[2]) && (1...31).contains(bytes[3]) && header > 64 && bytes.little(10, 2) > 1
            && bytes[32..<34].allSatisfy { (0x41...0x5A).contains($0) || $0 == 0x5F || $0 == 0 } && bytes[32] != 0
            && "CNDLFMGBIT".utf8.contains(bytes[43])
    }

    private static func isTerminal(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 32, [0x011A, 0x021E].contains(bytes.little(0, 2)) else { return false }
        let length = bytes.little(2, 2)
        return (3...256).contains(length) && 12 + length <= bytes.count && bytes[11 + length] == 0
            && bytes[12..<11 + length].allSatisfy { TextContent.isPrintable($0) }
    }

    // MARK: Sound

    /// The name of the first matrix of a MATLAB 4 file.
    private static func matlab4(_ bytes: [UInt8]) -> String? {
        guard bytes.count > 22 else { return nil }
        for isLittle in [true, false] {
            func field(_ offset: Int) -> Int { isLittle ? bytes.little(offset, 4) : bytes.big(offset, 4) }
            let (kind, length) = (field(0), field(16))
            // The digits are the machine, a zero, the precision and the kind of matrix.
            guard kind / 1000 == (isLittle ? 0 : 1), kind / 100 % 10 == 0, kind / 10 % 10 <= 5, kind % 10 <= 2,
                field(4) > 0, field(8) > 0, field(12) <= 1, (2...64).contains(length), 20 + length <= bytes.count
            else { continue }
            let name = bytes[20..<19 + length]
            guard bytes[19 + length] == 0, name.allSatisfy({ $0 == 0x5F || isLetterOrDigit($0) }) else { continue }
            return String(decoding: name, as: UTF8.self)
        }
        return nil
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
    }

    /// A resource fork alone, where Sound Designer II keeps rate and channels.
    private static func isResourceFork(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 16, bytes.big(0, 4) == 256 else { return false }
        let length = bytes.big(8, 4)
        return length > 0 && bytes.big(4, 4) == 256 + length && (28..<65_536).contains(bytes.big(12, 4))
    }

    private static func isMacBinary(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 128, bytes[0] == 0, (1...63).contains(bytes[1]), bytes[74] == 0, bytes[82] == 0 else {
            return false
        }
        return bytes[2..<2 + Int(bytes[1])].allSatisfy { $0 >= 0x20 } && bytes[65..<73].allSatisfy { $0 >= 0x20 }
            && bytes.big(83, 4) < 1 << 30 && bytes.big(87, 4) < 1 << 24 && bytes.big(83, 4) + bytes.big(87, 4) > 0
    }

    /// Streams of version 7 and 8 begin with a magic. Older ones have fields: the version, one frame a block, and the
    /// number of frames.
    private static func isMusepack(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 24 else { return false }
        if bytes.has("MP+"), (4...8).contains(bytes[3] & 15) { return true }
        let fields = bytes.little(0, 4)
        let (blocks, version, isIntensity) = (fields & 63, fields >> 11 & 0x3FF, fields >> 22 & 1)
        let frames = version >= 5 ? bytes.little(4, 4) : bytes.little(6, 2)
        return blocks == 1 && (4...6).contains(version) && isIntensity == 0 && fields >> 6 & 31 > 0
            && fields >> 23 <= 400 && (1..<1 << 20).contains(frames)
    }
}
