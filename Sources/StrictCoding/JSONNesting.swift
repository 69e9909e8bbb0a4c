/// The nesting of JSON text from outside. A decoder calls itself for every level, and a deep text would overflow the
/// stack.
package enum JSONNesting {
    /// Levels that a model or a message needs at most.
    package static let deepest = 64

    /// Returns whether arrays and objects are nested at most ``deepest`` levels deep. The text need not be valid.
    package static func isShallow(_ text: ArraySlice<UInt8>) -> Bool {
        var (depth, isString, isEscaped) = (0, false, false)
        for byte in text {
            if isString {
                isString = isEscaped || byte != UInt8(ascii: "\"")
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > deepest { return false }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
            default: break
            }
        }
        return true
    }
}
