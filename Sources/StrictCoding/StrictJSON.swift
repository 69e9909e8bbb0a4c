internal import FoundationEssentials

/// Decodes JSON so that every error names the value that is wrong.
package enum StrictJSON {
    /// - Throws: `DecodingError`, as `JSONDecoder` does, also for a key that an object has twice.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        do {
            let value = try JSONDecoder().decode(type, from: Data(bytes))
            if let path = JSONKeys.repeated(in: bytes) {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: path.map(Step.init), debugDescription: "the key is there twice"))
            }
            return value
        } catch {
            // A number that is too large has a name as a JSON value.
            guard isUnnamed(error) else { throw error }
            let json = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
            guard let fault = fraction(in: json, as: type) else { throw error }
            throw DecodingError.dataCorrupted(
                .init(codingPath: fault.path, debugDescription: "expected a whole number, found \(fault.value)"))
        }
    }

    /// A key of an object, or an index of an array.
    private struct Step: CodingKey, Hashable {
        let stringValue: String
        let intValue: Int?
        init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
        init(intValue: Int) { (stringValue, self.intValue) = ("\(intValue)", intValue) }
        init(_ step: JSONKeys.Step) {
            switch step {
            case .key(let key): self.init(stringValue: key)
            case .index(let index): self.init(intValue: index)
            }
        }
    }

    /// Whether an error is the one that `JSONDecoder` gives for damaged JSON, and for a number that is not whole where
    /// a whole one is expected. It has no path.
    private static func isUnnamed(_ error: any Error) -> Bool {
        if case .dataCorrupted(let context)? = error as? DecodingError {
            context.codingPath.isEmpty && context.debugDescription == "The given data was not valid JSON."
        } else {
            false
        }
    }

    /// Finds the number that must be whole and is not: with 1 in place of all others, decoding fails as before.
    private static func fraction<Value: Decodable>(
        in json: JSONValue, as type: Value.Type
    ) -> (path: [any CodingKey], value: Double)? {
        var suspects: [(path: [Step], value: Double)] = []
        _ = changed(json, []) { path, value in
            if Int(exactly: value) == nil { suspects.append((path, value)) }
            return value
        }
        func fails(_ kept: some Sequence<(path: [Step], value: Double)>) -> Bool {
            let kept = Set(kept.map(\.path))
            let other = changed(json, []) { path, value in
                Int(exactly: value) == nil && !kept.contains(path) ? 1 : value
            }
            do {
                _ = try JSONDecoder().decode(type, from: JSONEncoder().encode(other))
                return false
            } catch { return isUnnamed(error) }
        }
        guard fails(suspects) else { return nil }
        while suspects.count > 1 {
            let half = suspects.prefix(suspects.count / 2)
            suspects = fails(half) ? Array(half) : Array(suspects.dropFirst(half.count))
        }
        return suspects.first.map { ($0.path, $0.value) }
    }

    /// Returns a value with its numbers changed.
    private static func changed(
        _ json: JSONValue, _ path: [Step], _ change: ([Step], Double) -> Double
    ) -> JSONValue {
        switch json {
        case .number(let value): .number(change(path, value))
        case .array(let values):
            .array(values.enumerated().map { changed($1, path + [Step(intValue: $0)], change) })
        case .object(let members):
            .object(
                Dictionary(
                    uniqueKeysWithValues: members.sorted { $0.key < $1.key }.map { key, value in
                        (key, changed(value, path + [Step(stringValue: key)], change))
                    }))
        case .null, .bool, .string: json
        }
    }
}
