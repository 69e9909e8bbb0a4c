internal import AudioClassifier
internal import NIOCore
internal import NIOSSL

/// TLS to a server whose certificate must be one of the system's, or of a file of one's own.
struct ClientTLS: Sendable {
    private let context: NIOSSLContext
    /// Nil for an address, which no server name indication may carry; the certificate must be for it all the same.
    private let name: String?

    /// - Parameter authorities: a PEM file of certificates to trust in place of the system's.
    /// - Throws: ``ClassifierError`` `tls` where the file cannot be used.
    init(host: String, authorities: String?) throws(ClassifierError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authorities { configuration.trustRoots = .file(authorities) }
        do { context = try NIOSSLContext(configuration: configuration) } catch {
            throw ClassifierError(
                .configuration, code: "tls",
                "\(authorities ?? "the system's certificates"): no certificates can be read; expected a PEM file")
        }
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        name = isAddress ? nil : host
    }

    func handler() throws -> NIOSSLClientHandler { try NIOSSLClientHandler(context: context, serverHostname: name) }
}
