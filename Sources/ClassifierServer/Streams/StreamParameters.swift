package import AudioClassifier
package import AudioFrontend

/// The parameters of a stream: a request's query on top of the configuration. An unknown parameter is refused.
package struct StreamParameters: Sendable {
    package var id: String?
    package var model: String?
    package var format: SampleFormat
    package var rate: Int?
    package var channels: Int
    package var selection = ChannelSelection.mix
    package var emission: ReportMode
    package var subscription = Subscription()
    package var every: Int
    package var topCount: Int
    package var decision: DecisionRules.Settings
    package var dropsWhenFull = false
    /// Whether the stream continues from its saved state, if there is one.
    package var resumes = false
    /// Whether the stream leaves a state to go on from.
    package var keepsState = true
    /// Position of the first sample that the client is going to send.
    package var position: Int64?
    /// The part of events' identities that distinguishes the stream from earlier ones of its name.
    package var eventPart: String?
    /// Of the lines of a file's classification.
    package var lines = OutputFormat.jsonl

    package init(_ defaults: ServeConfiguration.Streams) {
        format = defaults.format
        rate = defaults.rate
        channels = defaults.channels
        emission = defaults.emission
        every = defaults.every
        topCount = defaults.topCount
        decision = defaults.decision
        setEmissions([defaults.emission])
    }

    /// Applies a query.
    /// - Parameter known: the parameters that this request has.
    package init(
        _ defaults: ServeConfiguration.Streams, query: [RequestTarget.Parameter], known: [QueryParameter]
    ) throws(AdmissionRefusal) {
        self.init(defaults)
        var names: Set<String> = []
        for parameter in query {
            guard let found = known.first(where: { $0.setting.name == parameter.name }) else {
                let names = known.map(\.setting.name).joined(separator: ", ")
                throw Self.wrong("there is no parameter \"\(parameter.name)\"; known are \(names)")
            }
            guard names.insert(parameter.name).inserted || found.setting.isRepeated else {
                throw Self.wrong("there are two parameters \"\(parameter.name)\"; leave one out")
            }
            guard found.apply(parameter.value, &self) else {
                throw Self.wrong("\(parameter.name)=\(parameter.value): expected \(found.setting.expected)")
            }
        }
    }

    static func wrong(_ message: String) -> AdmissionRefusal { AdmissionRefusal(reason: .request, message: message) }

    /// The format of the client's bytes.
    var audio: AudioFormat { AudioFormat(format: format, rate: rate, channels: channels, selection: selection) }

    /// Checks that the client's audio can be decoded.
    /// - Parameter rate: the model's rate.
    func checkAudio(rate: Int) throws(AdmissionRefusal) {
        do { _ = try audio.decoder(name: id ?? "stream", rate: rate) } catch { throw Self.wrong(error.message) }
    }

    mutating func setEmissions(_ emissions: [ReportMode]) {
        emission = emissions.first { $0 != .events } ?? .events
        subscription.frames = emission != .events
        subscription.events = emissions.contains(.events)
    }
}
