/// Topics of MQTT: levels with slashes between them.
package enum TopicName {
    /// Largest number of bytes of a prefix. It leaves room for the other levels in the 65535 bytes of a topic.
    private static let longest = 1024

    /// Whether messages can be published below a prefix: no level is empty or has a wildcard or a control character,
    /// and the first one is none of the broker's own (`$SYS`).
    package static func isPrefix(_ text: String) -> Bool {
        text.utf8.count <= longest && !text.hasPrefix("$")
            && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { level in
                !level.isEmpty && level.unicodeScalars.allSatisfy { isAllowed($0) }
            }
    }

    /// Whether a character can be in a level of a topic that a message is published to.
    package static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        scalar != "/" && scalar != "+" && scalar != "#" && isCharacter(scalar)
    }

    /// Whether a character can be in any text that is sent to a broker.
    package static func isCharacter(_ scalar: Unicode.Scalar) -> Bool {
        // Brokers refuse control characters and code points that are no characters (MQTT 3.1.1, 1.5.3).
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        return !isControl && !scalar.properties.isNoncharacterCodePoint
    }
}
