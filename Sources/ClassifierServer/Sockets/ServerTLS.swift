internal import NIOConcurrencyHelpers
internal import NIOSSL

/// The certificate of new connections of the HTTP listener. A reload replaces it, and open connections keep theirs.
final class ServerTLS: Sendable {
    private let current: NIOLockedValueBox<ServerCertificate>

    init(_ certificate: ServerCertificate) { current = NIOLockedValueBox(certificate) }

    /// The context of the next connection.
    var context: NIOSSLContext { current.withLockedValue { $0.context } }

    /// Replaces the certificate.
    /// - Returns: whether the new certificate differs.
    func replace(with next: ServerCertificate) -> Bool {
        current.withLockedValue { certificate in
            defer { certificate = next }
            return certificate.own != next.own
        }
    }
}
