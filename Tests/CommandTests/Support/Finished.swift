internal import FoundationEssentials
internal import StrictCoding

/// What a process has left behind.
struct Finished: Sendable {
    /// The exit status; minus the signal's number where a signal has ended it.
    let status: Int32
    let output: String
    let errors: String

    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// The lines that are records of this type.
    func lines(_ type: String) -> [String] { lines.filter { $0.hasPrefix("{\"type\":\"\(type)\",") } }

    /// Every line as an object.
    /// - Throws: where a line is not whole.
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
