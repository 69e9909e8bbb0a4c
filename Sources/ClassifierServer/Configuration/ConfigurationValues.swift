internal import AudioClassifier

/// The kinds of settings that there are.
extension ConfigurationSection {
    mutating func string(_ key: String, default fallback: String) throws(ClassifierError) -> String {
        try value(key, default: fallback, expected: "a text", show: Self.quoted) { $0 }
    }

    /// A text, or nothing.
    mutating func optionalString(_ key: String, isSecret: Bool = false) throws(ClassifierError) -> String? {
        try value(
            key, default: String?.none, expected: "a text",
            show: { $0.map { isSecret ? "\"(set)\"" : Self.quoted($0) } ?? "null" }
        ) { $0.isEmpty ? String?.none : .some($0) }
    }

    mutating func integer(_ key: String, default fallback: Int, in range: ClosedRange<Int>) throws(ClassifierError)
        -> Int
    {
        try value(
            key, default: fallback, expected: "a whole number in \(range.lowerBound) ... \(range.upperBound)",
            show: { "\($0)" }
        ) { Int($0).flatMap { range.contains($0) ? $0 : nil } }
    }

    mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(ClassifierError) -> Int? {
        try value(
            key, default: Int?.none, expected: "a whole number in \(range.lowerBound) ... \(range.upperBound)",
            show: { $0.map { "\($0)" } ?? "null" }
        ) { text in Int(text).flatMap { range.contains($0) ? .some(.some($0)) : .none } ?? Int??.none }
    }

    mutating func number(
        _ key: String, default fallback: Double, in range: ClosedRange<Double>
    ) throws(ClassifierError) -> Double {
        try value(
            key, default: fallback, expected: "a number in \(range.lowerBound) ... \(range.upperBound)",
            show: { "\($0)" }
        ) { Double($0).flatMap { range.contains($0) ? $0 : nil } }
    }

    mutating func optionalNumber(_ key: String, in range: ClosedRange<Double>) throws(ClassifierError) -> Double? {
        try value(
            key, default: Double?.none, expected: "a number in \(range.lowerBound) ... \(range.upperBound)",
            show: { $0.map { "\($0)" } ?? "null" }
        ) { text in Double(text).flatMap { range.contains($0) ? .some(.some($0)) : .none } ?? Double??.none }
    }

    mutating func flag(_ key: String, default fallback: Bool) throws(ClassifierError) -> Bool {
        try value(key, default: fallback, expected: "true or false", show: { "\($0)" }) { text in
            switch text {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
    }

    /// One of an enumeration's words.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, default fallback: Choice
    ) throws(ClassifierError) -> Choice where Choice.RawValue == String {
        try value(
            key, default: fallback, expected: Choice.allCases.map(\.rawValue).joined(separator: ", "),
            show: { Self.quoted($0.rawValue) }
        ) { Choice(rawValue: $0) }
    }

    /// An address to listen on, or nil for "off".
    mutating func address(_ key: String, default fallback: ListenAddress?) throws(ClassifierError) -> ListenAddress? {
        try value(
            key, default: fallback,
            expected: "HOST:PORT with an address in numbers or localhost, unix:PATH or off",
            show: { Self.quoted($0?.description ?? "off") }
        ) { $0 == "off" ? .some(.none) : ListenAddress($0).map { .some($0) } ?? .none }
    }
}
