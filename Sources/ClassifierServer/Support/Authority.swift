/// A host and a port, as in the header `Host`: `ear.example`, `127.0.0.1:8080`, `[::1]:8080`.
package struct Authority: Equatable {
    /// The name in lower case, or the address without brackets.
    package let name: String
    /// Nil is the port of the scheme.
    package let port: Int?

    /// - Returns: nil for anything else, as a text with a user, a path or spaces.
    package init?(_ text: String) {
        let name: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            name = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard IPAddress(String(name))?.isIPv6 == true else { return nil }
        } else {
            name = text.prefix { $0 != ":" }
            rest = text[name.endIndex...]
            guard !name.isEmpty, name.allSatisfy(Self.isNameCharacter) else { return nil }
        }
        if rest.isEmpty {
            port = nil
        } else {
            let digits = rest.dropFirst()
            guard rest.hasPrefix(":"), digits.count <= 5, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
                let number = Int(digits), (1...65535).contains(number)
            else { return nil }
            port = number
        }
        self.name = name.lowercased()
    }

    /// Whether the name means this machine itself: `localhost` or a loopback address. No other name does, because its
    /// owner may let it point anywhere.
    package var isLoopback: Bool { name == "localhost" || IPAddress(name)?.isLoopback == true }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "-._".contains(character))
    }
}
