internal import AudioClassifier
internal import NIOCore
internal import NIOSSL

/// TLS to a server whose certificate is verified against the system's authorities or those of a file.
struct ClientTLS: Sendable {
    private let context: NIOSSLContext
    /// Host name for the server name indication; nil for an IP address, which it cannot contain. The certificate is
    /// checked for the address all the same.
    private let name: String?

    /// - Parameter authorities: a PEM file of trusted certificates, which replaces the system's.
    /// - Throws: ``ClassifierError`` `tls` if the file cannot be used.
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

extension ServeConfiguration {
    /// Checks that the files of the certificates that outputs trust can be used.
    /// - Throws: ``ClassifierError`` `configuration` with the origin of the first setting that is wrong.
    func checkAuthorities() throws(ClassifierError) {
        let hook = events.webHook.flatMap { $0.isSecure ? $0.authorities : nil }
        let broker = events.mqtt.flatMap { $0.isSecure ? $0.authorities : nil }
        for case (let key, let path?) in [("events.webhook.ca_file", hook), ("events.mqtt.ca_file", broker)] {
            do { _ = try ClientTLS(host: "localhost", authorities: path) } catch {
                throw ConfigurationReader.wrong(origins[key] ?? key, "\(key): \(error.message)")
            }
        }
    }
}
