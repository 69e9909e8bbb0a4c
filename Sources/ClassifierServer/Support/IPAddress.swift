internal import Glibc

/// An IP address in its standard notation: four decimal numbers with dots, or IPv6.
package struct IPAddress: Equatable {
    /// Four bytes of IPv4, or 16 of IPv6.
    private let bytes: [UInt8]

    /// - Returns: nil for a name, and for other notations of an address, as 127.1, 0177.0.0.1 or 2130706433.
    package init?(_ text: String) {
        // A zero byte would end the text for inet_pton(3).
        guard text.allSatisfy({ $0.isHexDigit && $0.isASCII || $0 == "." || $0 == ":" }) else { return nil }
        let family = text.contains(":") ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        guard unsafe bytes.withUnsafeMutableBytes({ unsafe inet_pton(family, text, $0.baseAddress) }) == 1 else {
            return nil
        }
        self.bytes = bytes
    }

    package var isIPv6: Bool { bytes.count == 16 }

    /// Whether a socket with the address listens on all addresses: 0.0.0.0 or ::.
    package var isAny: Bool { bytes.allSatisfy { $0 == 0 } }

    /// Whether packets to the address stay on this machine: 127.0.0.0/8, ::1, and the first mapped into IPv6.
    package var isLoopback: Bool {
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]
        if !isIPv6 { return bytes[0] == 127 }
        return bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] || bytes.starts(with: mapped + [127])
    }
}
