extension Decoder {
    /// Returns a keyed container, and throws an error if it holds a key that is none of `Key`'s cases.
    package func strictContainer<Key: CodingKey & CaseIterable>(keyedBy type: Key.Type) throws
        -> KeyedDecodingContainer<Key>
    {
        let known = Set(Key.allCases.map(\.stringValue))
        for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath + [key],
                    debugDescription:
                        "unknown key \"\(key.stringValue)\"; known keys are \(known.sorted().joined(separator: ", "))"
                ))
        }
        return try container(keyedBy: type)
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension DecodingError {
    /// Place and reason in words, such as "frontend.hop: expected Int".
    /// - Parameter parent: the key of the value that was decoded.
    package func explanation(in parent: String? = nil) -> String {
        func place(_ keys: [any CodingKey]) -> String {
            let names = (parent.map { [$0] } ?? []) + keys.map { $0.intValue.map(String.init) ?? $0.stringValue }
            return names.isEmpty ? "" : names.joined(separator: ".") + ": "
        }
        return switch self {
        case .keyNotFound(let key, let context):
            "\(place(context.codingPath + [key]))the key is missing"
        case .typeMismatch(let type, let context):
            "\(place(context.codingPath))expected \(Self.word(type))"
        case .valueNotFound(let type, let context):
            "\(place(context.codingPath))expected \(Self.word(type)), found null"
        case .dataCorrupted(let context):
            place(context.codingPath) + context.debugDescription
        @unknown default:
            "\(self)"
        }
    }

    /// Returns JSON's word for a container, or a type's name.
    private static func word(_ type: Any.Type) -> String {
        if type == [String: Any].self { return "an object, {...}" }
        return type == [Any].self ? "a list, [...]" : "\(type)"
    }
}
