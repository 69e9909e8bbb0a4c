/// Names of streams, which go into records, topics, file names and pages.
package enum StreamName {
    /// Whether a text is 1 to 64 letters, digits, dots, dashes and underscores, and begins with no dot.
    package static func isValid(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Returns the name of a stream whose client gave none, which no client can choose.
    /// - Parameter prefix: the kind of the connection.
    package static func generated(_ prefix: String, _ number: Int) -> String { "\(prefix)\(mark)\(number)" }

    /// Whether a text is such a name: it stands for one connection, and means nothing after its end.
    package static func isGenerated(_ text: String) -> Bool { text.contains(mark) }

    /// Returns the beginning of the identities of a stream's events. A name of the service's own is given again after a
    /// restart, and by other services, so that the identity has a part of this process.
    /// - Parameter part: a part that distinguishes the stream from earlier ones of its name.
    package static func eventIdentity(_ name: String, part: String? = nil) -> String {
        guard let part = part ?? (isGenerated(name) ? process : nil) else { return name }
        return "\(name)\(mark)\(part)"
    }

    /// Returns seven letters and digits that have not been returned before.
    static func newPart() -> String { String(UInt64.random(in: 2_176_782_336..<78_364_164_096), radix: 36) }

    /// The part that distinguishes this process from others.
    private static let process = newPart()

    /// Distinguishes generated names from valid ones.
    private static let mark: Character = "~"
}
