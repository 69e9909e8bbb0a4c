package import AudioClassifier

/// A text message of a client: a small, flat JSON object, read in one pass.
package enum ControlMessage: Equatable {
    /// All audio has been sent.
    case end
    /// The number of samples, at the model's rate, that the client lost.
    case gap(Int64)
    case ping(id: Double?)

    /// Largest size in bytes.
    package static let largest = 1024
    /// Largest number of samples of a gap.
    private static let largestGap: Int64 = 1 << 40

    package init(_ bytes: some Collection<UInt8>) throws(ClassifierError) {
        guard bytes.count <= Self.largest else {
            throw Self.wrong("a text message has \(bytes.count) bytes, and \(Self.largest) is the most")
        }
        var parser = FlatObject(bytes)
        guard let members = parser.members() else { throw Self.wrong("a text message is no flat JSON object") }
        switch members["type"] {
        case .string("end"): self = .end
        case .string("ping"):
            let id: Double? = if case .number(let id)? = members["id"], abs(id) < 1e12 { id } else { nil }
            self = .ping(id: id)
        case .string("gap"):
            guard case .number(let lost)? = members["lost_samples"], let count = Int64(exactly: lost),
                (0...Self.largestGap).contains(count)
            else { throw Self.wrong("lost_samples is a whole number from 0 to \(Self.largestGap)") }
            self = .gap(count)
        default: throw Self.wrong("the type of a text message is end, ping or gap")
        }
    }

    private static func wrong(_ fault: String) -> ClassifierError {
        ClassifierError(
            .data, code: "control",
            "\(fault); send {\"type\":\"end\"}, {\"type\":\"ping\"} or {\"type\":\"gap\",\"lost_samples\":N}")
    }
}

/// A parser of a JSON object (RFC 8259) whose members are no objects and no arrays.
private struct FlatObject {
    enum Value: Equatable {
        case string(String)
        case number(Double)
        /// True, false or null.
        case word
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: some Collection<UInt8>) { self.bytes = Array(bytes) }

    /// Returns the members; nil for other JSON, and for bytes that are none.
    mutating func members() -> [String: Value]? {
        var members: [String: Value] = [:]
        guard take("{") else { return nil }
        if !take("}") {
            repeat {
                guard let key = string(), take(":"), let value = value(), members.updateValue(value, forKey: key) == nil
                else { return nil }
            } while take(",")
            guard take("}") else { return nil }
        }
        skipSpace()
        return index == bytes.count ? members : nil
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let next, [0x20, 0x09, 0x0A, 0x0D].contains(next) { index += 1 }
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == UInt8(ascii: mark) else { return false }
        index += 1
        return true
    }

    private mutating func value() -> Value? {
        skipSpace()
        if next == UInt8(ascii: "\"") { return string().map { .string($0) } }
        let start = index
        while let next, ![0x2C, 0x7D, 0x20, 0x09, 0x0A, 0x0D].contains(next) { index += 1 }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if ["true", "false", "null"].contains(text) { return .word }
        // Swift also reads hexadecimal digits, infinities and a leading plus, which JSON does not have.
        let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        guard isNumber, text.first != "+", let number = Double(text), number.isFinite else { return nil }
        return .number(number)
    }

    /// Reads a string. Escapes stay as they are: no word of a message needs one.
    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        let start = index
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { return nil }
            index += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < bytes.count, let text = String(validating: bytes[start..<index], as: UTF8.self) else {
            return nil
        }
        index += 1
        return text
    }
}
