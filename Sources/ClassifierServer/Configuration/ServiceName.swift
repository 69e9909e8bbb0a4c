/// The name of a service among those of all machines.
enum ServiceName {
    /// Returns the name of the service with this configuration on this machine. It is the same after a restart, and
    /// differs between services, which cannot listen on one address.
    static func of(_ configuration: ServeConfiguration) -> String {
        let listening = configuration.listening
        let addresses = [listening.http, listening.tcp, listening.unix].map { $0?.description ?? "off" }
        let parts = [ProcessIdentity.own.machine] + addresses + [configuration.state.folder ?? ""]
        // MQTT 3.1.1 promises 23 characters.
        return "audio-classifierd-\(ProcessIdentity.hash(of: parts))"
    }
}
