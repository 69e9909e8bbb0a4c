/// Any JSON value, for parts of a configuration that another target defines.
package indirect enum JSONValue: Sendable, Equatable, Codable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try Self.value(Bool.self, in: container) {
            self = .bool(value)
        } else if let value = try Self.value(Double.self, in: container) {
            self = .number(value)
        } else if let value = try Self.value(String.self, in: container) {
            self = .string(value)
        } else if let value = try Self.value([JSONValue].self, in: container) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Returns the value if it has a type; nil for a value of another type.
    /// - Throws: the error of a value of this type, or of one in it, that cannot be decoded.
    private static func value<Value: Decodable>(
        _ type: Value.Type, in container: any SingleValueDecodingContainer
    ) throws -> Value? {
        do { return try container.decode(type) } catch DecodingError.typeMismatch { return nil } catch let error
            as DecodingError
        { throw error } catch {
            // The decoder's own error of a number or a text has neither a path nor a public type.
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: container.codingPath,
                    debugDescription: "a number is out of range, or a text is not Unicode"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// The value of an object's `key`; nil if there is none.
    package subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    package var number: Double? { if case .number(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
}
