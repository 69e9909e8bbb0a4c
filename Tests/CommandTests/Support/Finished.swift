internal import FoundationEssentials
internal import StrictCoding

/// The result of an ended process.
struct Finished: Sendable {
    /// The exit status, or minus the number of the signal that ended it.
    let status: Int32
    let output: String
    let errors: String

    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// The lines that are records of this type.
    func lines(_ type: String) -> [String] { lines.filter { $0.hasPrefix("{\"type\":\"\(type)\",") } }

    /// Returns every line as an object.
    /// - Throws: an error if a line is incomplete.
    func records() throws -> [JSONValue] {
        try lines.map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
    }

    func records(_ type: String) throws -> [JSONValue] {
        try records().filter { $0["type"] == .string(type) }
    }
}

extension JSONValue {
    var elements: [JSONValue] { if case .array(let values) = self { values } else { [] } }

    /// The labels of a frame or a summary, the likeliest first.
    var topLabels: [String] { (self["top"]?.elements ?? []).compactMap { $0["label"]?.string } }

    /// The probabilities of a frame or a summary, by label.
    var topProbabilities: [String: Double] {
        var result: [String: Double] = [:]
        for score in self["top"]?.elements ?? [] {
            if let label = score["label"]?.string { result[label] = score["p"]?.number }
        }
        return result
    }
}
