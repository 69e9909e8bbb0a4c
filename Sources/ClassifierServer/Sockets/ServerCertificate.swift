internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOSSL

/// The certificate and the key of the HTTP listener, checked before the first connection.
struct ServerCertificate: Sendable {
    let context: NIOSSLContext
    /// The server's own certificate, without its chain.
    let own: NIOSSLCertificate

    /// Cipher suites of TLS 1.2 with forward secrecy: a key that is stolen later opens no recorded connection. Those of
    /// TLS 1.3 all have it.
    private static let cipherSuites: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    /// - Throws: ``ClassifierError`` `tls` with the file, the fault and the remedy.
    init(_ settings: ServeConfiguration.TLS) throws(ClassifierError) {
        func wrong(_ path: String, _ message: String) -> ClassifierError {
            ClassifierError(.configuration, code: "tls", "\(path): \(message)")
        }
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(FileContents.bytes(of: settings.certificate, .settings))
        } catch {
            throw wrong(settings.certificate, "no certificate can be read; expected a PEM file, the server's own first")
        }
        guard let own = chain.first else {
            throw wrong(settings.certificate, "the file has no certificate; expected a PEM file")
        }
        let now = time(nil)
        guard now <= own.notValidAfter else {
            throw wrong(settings.certificate, "the certificate has expired; renew it, then start or reload the service")
        }
        guard now >= own.notValidBefore else {
            throw wrong(settings.certificate, "the certificate is not valid yet; is this machine's clock right?")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: FileContents.bytes(of: settings.key, .settings), format: .pem)
        } catch {
            throw wrong(settings.key, "no key can be read; expected a PEM file without a passphrase")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = Self.cipherSuites
        // A stop waits this long for a client that does not answer the end of TLS.
        configuration.shutdownTimeout = .seconds(1)
        configuration.applicationProtocols = ["http/1.1"]
        do { context = try NIOSSLContext(configuration: configuration) } catch {
            throw wrong(
                settings.key,
                "the key is not that of the certificate \(settings.certificate); expected a matching pair"
            )
        }
        self.own = own
    }

    /// Time of expiry, as `2027-01-31T12:00:00Z`.
    var end: String { Date(timeIntervalSince1970: Double(own.notValidAfter)).ISO8601Format() }
}
