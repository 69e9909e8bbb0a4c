/// Writes one JSON object, its members in the order in which they are added. All JSON of the program is written here.
package struct JSONWriter {
    private(set) var body: String

    /// Begins an object.
    package init() {
        body = "{"
    }

    /// Begins a record of version 1: an object whose first members are its type and the version.
    package init(type: String) {
        self.init()
        // Room for a prediction: a line is made for each one of every stream.
        body.reserveCapacity(256)
        body += "\"type\":\""
        body += type
        body += "\",\"v\":1"
    }

    /// The object as text.
    package var text: String { body + "}" }

    package mutating func add(_ key: String, _ value: String) {
        begin(key)
        Self.quote(value, in: &body)
    }
    package mutating func add(_ key: String, _ value: Int) {
        begin(key)
        body += String(value)
    }
    package mutating func add(_ key: String, _ value: Bool) {
        begin(key)
        body += value ? "true" : "false"
    }
    /// A number with at most so many decimals; one that JSON has no word for is null.
    package mutating func add(_ key: String, _ value: Double, decimals: Int) {
        begin(key)
        if value.isFinite { Decimal.append(value, decimals, to: &body) } else { body += "null" }
    }
    /// A number with all its digits; one that JSON has no word for is null.
    package mutating func add(_ key: String, _ value: Double) {
        begin(key)
        body += value.isFinite ? "\(value)" : "null"
    }
    package mutating func add(_ key: String, _ values: [String]) {
        begin(key)
        body += "[\(values.map(Self.quoted).joined(separator: ","))]"
    }
    /// Numbers with all their digits; one that JSON has no word for is null.
    package mutating func add(_ key: String, _ values: [Float]) {
        begin(key)
        body += "[\(values.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ","))]"
    }
    /// A matrix, row by row.
    package mutating func add(_ key: String, rows: [[Int]]) {
        begin(key)
        body += "[\(rows.map { "[\($0.map(String.init).joined(separator: ","))]" }.joined(separator: ","))]"
    }
    package mutating func addNull(_ key: String) {
        begin(key)
        body += "null"
    }
    /// Adds an object, written by `members`.
    package mutating func add(_ key: String, object members: (inout JSONWriter) -> Void) {
        begin(key)
        body += "{"
        members(&self)
        body += "}"
    }
    /// Adds an array of objects, each written by `members`.
    package mutating func add<Elements: Sequence>(
        _ key: String, objects elements: Elements, _ members: (inout JSONWriter, Elements.Element) -> Void
    ) {
        begin(key)
        body += "["
        for element in elements {
            if body.utf8.last != UInt8(ascii: "[") { body += "," }
            body += "{"
            members(&self, element)
            body += "}"
        }
        body += "]"
    }

    /// An array of objects as text.
    package static func array(_ objects: [JSONWriter]) -> String {
        "[\(objects.map(\.text).joined(separator: ","))]"
    }

    private mutating func begin(_ key: String) {
        body += body.utf8.last == UInt8(ascii: "{") ? "\"" : ",\""
        body += key
        body += "\":"
    }

    /// A JSON string.
    package static func quoted(_ text: String) -> String {
        var result = ""
        quote(text, in: &result)
        return result
    }

    /// Appends a JSON string (RFC 8259, section 7).
    private static func quote(_ text: String, in result: inout String) {
        result += "\""
        defer { result += "\"" }
        // Labels and names of streams are such text.
        let isPlain = text.utf8.allSatisfy {
            (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        guard !isPlain else {
            result += text
            return
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            // Control characters must be escaped. A byte order mark, which some parsers drop, and the line separators,
            // which end a line for some readers, are escaped too.
            case _ where scalar.value < 0x20 || [0xFEFF, 0x2028, 0x2029].contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
