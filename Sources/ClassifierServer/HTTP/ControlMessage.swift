internal import AudioClassifier
internal import FoundationEssentials
internal import StrictCoding

/// A text message of a client.
enum ControlMessage: Equatable {
    /// All audio has been sent.
    case end
    /// The number of samples, at the model's rate, that the client lost.
    case gap(Int64)
    case ping(Double?)

    init(_ bytes: [UInt8]) throws(ClassifierError) {
        let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        switch value?["type"]?.string {
        case "end": self = .end
        case "ping": self = .ping(value?["id"]?.number.flatMap { abs($0) < 1e12 ? $0 : nil })
        case "gap":
            guard let lost = value?["lost_samples"]?.number, let count = Int64(exactly: lost),
                (0...1 << 40).contains(count)
            else { fallthrough }
            self = .gap(count)
        default:
            throw ClassifierError(
                .data, code: "control",
                "a text message is {\"type\":\"end\"}, {\"type\":\"ping\"} or {\"type\":\"gap\",\"lost_samples\":N}")
        }
    }
}
