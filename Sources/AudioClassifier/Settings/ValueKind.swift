package import AudioFrontend
internal import StrictCoding

/// The values that a setting may have: how a text becomes one, how one is printed, and the words for both.
package struct ValueKind<Value: Sendable>: Sendable {
    /// Stands for the value in the help of an option: `count`, `ms`.
    package let placeholder: String
    /// The allowed values in words, with range and unit: "a whole number from 0 to 3600000 ms".
    package let expected: String
    /// All values, where they can be listed.
    package let words: [String]
    package let parse: @Sendable (String) -> Value?
    /// The value as YAML.
    package let show: @Sendable (Value) -> String

    package init(
        placeholder: String, expected: String, words: [String] = [], show: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) -> Value?
    ) {
        self.placeholder = placeholder
        self.expected = expected
        self.words = words
        self.show = show
        self.parse = parse
    }

    /// One of an enumeration's words.
    package static func choice(_ placeholder: String = "word") -> ValueKind
    where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
        let words = Value.allCases.map(\.rawValue)
        return ValueKind(
            placeholder: placeholder, expected: "one of \(words.joined(separator: ", "))", words: words,
            show: { JSONWriter.quoted($0.rawValue) }, parse: { Value(rawValue: $0) })
    }
}

extension ValueKind<SampleFormat> {
    /// A format by its own name or by ALSA's.
    package static let sampleFormat = {
        let words = SampleFormat.allCases.map(\.rawValue)
        return ValueKind(
            placeholder: "format", expected: "one of \(words.joined(separator: ", ")), or ALSA's name of one",
            words: words, show: { JSONWriter.quoted($0.rawValue) }, parse: { SampleFormat(named: $0) })
    }()
}

extension ValueKind<String> {
    package static func text(_ placeholder: String, expected: String = "a text") -> ValueKind {
        ValueKind(placeholder: placeholder, expected: expected, show: { JSONWriter.quoted($0) }) { $0 }
    }
}

extension ValueKind<Int> {
    /// - Parameter unit: follows the range: "Hz".
    package static func integer(_ range: ClosedRange<Int>, _ placeholder: String = "count", unit: String? = nil)
        -> ValueKind
    {
        let unit = unit.map { " \($0)" } ?? ""
        return ValueKind(
            placeholder: placeholder,
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)\(unit)", show: { "\($0)" }
        ) { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension ValueKind<Double> {
    /// - Parameter unit: follows the range: "s".
    package static func number(_ range: ClosedRange<Double>, _ placeholder: String = "number", unit: String? = nil)
        -> ValueKind
    {
        let bounds = [range.lowerBound, range.upperBound].map { $0 == $0.rounded() ? "\(Int($0))" : "\($0)" }
        return ValueKind(
            placeholder: placeholder,
            expected: "a number from \(bounds[0]) to \(bounds[1])\(unit.map { " \($0)" } ?? "")", show: { "\($0)" }
        ) { text in decimal(text).flatMap { range.contains($0) ? $0 : nil } }
    }

    /// A probability at which something happens; at 0 it would always happen.
    package static let probability = ValueKind(
        placeholder: "p", expected: "a number above 0 and at most 1", show: { "\($0)" }
    ) { text in decimal(text).flatMap { $0 > 0 && $0 <= 1 ? $0 : nil } }

    /// Returns the number that all of a text is. `Double.init` reads a text up to its first zero byte.
    package static func decimal(_ text: String) -> Double? { text.utf8.contains(0) ? nil : Double(text) }
}

extension ValueKind<Bool> {
    package static let flag = ValueKind(
        placeholder: "true|false", expected: "true or false", words: ["true", "false"], show: { "\($0)" }
    ) { text in
        switch text {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        default: nil
        }
    }
}
