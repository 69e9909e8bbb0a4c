internal import NIOConcurrencyHelpers
internal import NIOSSL

/// What new connections of the HTTP listener are secured with. A reload replaces it; a connection keeps what it began
/// with.
final class ServerTLS: Sendable {
    private let current: NIOLockedValueBox<ServerCertificate>

    init(_ certificate: ServerCertificate) { current = NIOLockedValueBox(certificate) }

    /// For the next connection.
    var context: NIOSSLContext { current.withLockedValue { $0.context } }

    /// - Returns: whether it is another certificate than before.
    func replace(with next: ServerCertificate) -> Bool {
        current.withLockedValue { certificate in
            defer { certificate = next }
            return certificate.own != next.own
        }
    }
}
