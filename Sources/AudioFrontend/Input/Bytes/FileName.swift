internal import Glibc

/// The name of a file as the system keeps it: bytes, often UTF-8, but any others are allowed.
///
/// A name from a `String` is its UTF-8. ``description`` is for messages and records: text as it is, and each byte
/// outside valid UTF-8 as a backslash, `x` and two digits, so that a shell finds the file again with `$'...'`.
/// Backslashes of the name stay single.
///
/// ```swift
/// let name = FileName(bytes: [0x6C, 0xE9, 0x2E, 0x77, 0x61, 0x76])
/// print(name)  // l\xE9.wav
/// ```
public struct FileName: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// All bytes of the name, folders included, without a zero at the end.
    public let bytes: [UInt8]

    public init(bytes: [UInt8]) { self.bytes = bytes }

    public init(_ name: String) { bytes = Array(name.utf8) }

    public init(stringLiteral name: String) { self.init(name) }

    /// Whether the name stands for standard input: `-`.
    public var isStandardInput: Bool { bytes == [UInt8(ascii: "-")] }

    /// Whether the bytes are text in UTF-8. Only then is ``description`` the name itself.
    public var isText: Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// The name as text.
    public var description: String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var text = ""
        var rest = bytes[...]
        while let first = rest.first {
            let length = Self.sequenceLength(first)
            if length <= rest.count, let character = String(validating: rest.prefix(length), as: UTF8.self) {
                text += character
                rest = rest.dropFirst(length)
            } else {
                let digits = String(first, radix: 16, uppercase: true)
                text += "\\x" + (digits.count < 2 ? "0" : "") + digits
                rest = rest.dropFirst()
            }
        }
        return text
    }

    /// The name of an entry of this folder.
    public func appending(_ entry: FileName) -> FileName {
        let separator: [UInt8] = bytes.isEmpty || bytes.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
        return FileName(bytes: bytes + separator + entry.bytes)
    }

    /// Calls `body` with the name as C functions take it.
    @unsafe package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        unsafe body(bytes.map(CChar.init(bitPattern:)) + [0])
    }

    /// Bytes of the UTF-8 sequence that begins with `first`; 1 for an invalid first byte.
    private static func sequenceLength(_ first: UInt8) -> Int {
        switch first {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }
}
