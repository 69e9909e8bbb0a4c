internal import AudioClassifier
internal import AudioFrontend
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import StreamTransformer

/// Opens streams: finds the model, asks for admission, puts the stream on a loop.
final class StreamHub: Sendable {
    private struct Offer {
        var models: ServiceModels
        var defaults: ServeConfiguration.Streams
    }

    let shared: SharedLoad
    let loops: [InferenceLoop]
    let metrics: ServerMetrics
    let states: StateSaver
    let connections = ConnectionCount()
    private let offer: NIOLockedValueBox<Offer>
    private let numbers = NIOLockedValueBox(0)

    init(
        models: ServiceModels, defaults: ServeConfiguration.Streams, shared: SharedLoad, loops: [InferenceLoop],
        metrics: ServerMetrics, states: StateSaver
    ) {
        offer = NIOLockedValueBox(Offer(models: models, defaults: defaults))
        self.shared = shared
        self.loops = loops
        self.metrics = metrics
        self.states = states
    }

    /// Replaces the models and defaults of new streams.
    func offer(_ models: ServiceModels, defaults: ServeConfiguration.Streams) {
        offer.withLockedValue { $0 = Offer(models: models, defaults: defaults) }
    }

    /// Settings of streams whose clients give none.
    var defaults: ServeConfiguration.Streams { offer.withLockedValue { $0.defaults } }

    /// The models that clients may ask for, the default model first.
    var offered: [AudioModel] {
        let models = offer.withLockedValue { $0.models }
        let others = models.byName.filter { $0.value.network !== models.default.network }
        return [models.default] + others.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Bytes of the largest state of a stream of these models.
    var largestState: Int { offer.withLockedValue { $0.models.largestState } }

    func model(_ name: String?) throws(AdmissionRefusal) -> AudioModel {
        let models = offer.withLockedValue { $0.models }
        guard let found = models.model(name) else {
            let names = models.byName.keys.sorted().joined(separator: ", ")
            throw AdmissionRefusal(
                reason: .model,
                message: "there is no model \"\(name ?? "")\" here; there are \(names) (settings model and models)")
        }
        return found
    }

    /// Returns the options of a reporter for these parameters.
    func report(_ parameters: StreamParameters, _ model: AudioModel) throws(AdmissionRefusal) -> ReportOptions {
        do {
            var report = ReportOptions(rules: try DecisionRules(model.network.configuration, parameters.decision))
            report.mode = parameters.emission
            report.every = parameters.every
            report.topCount = parameters.topCount
            return report
        } catch { throw StreamParameters.wrong(error.messageForSettings) }
    }

    /// Returns the options of the reports of a live stream.
    func liveReport(_ parameters: StreamParameters, _ model: AudioModel) throws(AdmissionRefusal) -> ReportOptions {
        guard parameters.emission != .summary else {
            throw StreamParameters.wrong("a live stream has no summary; use emit=frames, changes or events")
        }
        return try report(parameters, model)
    }

    /// Begins the stream of a connection, which sends bytes and reads the outputs.
    /// - Parameters:
    ///   - prefix: the beginning of the name of a stream without a name.
    ///   - client: the owner of the stream, for the limit of streams per client.
    ///   - eventLoop: the connection's event loop, which the stream shares if its thread has time.
    func open(
        _ parameters: StreamParameters, prefix: String, client: String, eventLoop: any EventLoop
    ) async throws(AdmissionRefusal) -> OpenStream {
        let near = loops.firstIndex { $0.eventLoop === eventLoop }
        return try await open(
            parameters, id: parameters.id ?? name(prefix), client: client, near: near, hasReader: true)
    }

    /// Begins the stream of a source, which pushes samples and reads nothing.
    func open(_ parameters: StreamParameters, source: String) async throws(AdmissionRefusal) -> OpenStream {
        try await open(parameters, id: source, client: "source:\(source)", near: nil, hasReader: false)
    }

    private func open(
        _ parameters: StreamParameters, id: String, client: String, near: Int?, hasReader: Bool
    ) async throws(AdmissionRefusal) -> OpenStream {
        do {
            let stream = try await admit(parameters, id: id, client: client, near: near, hasReader: hasReader)
            metrics.began(id, client: client)
            return stream
        } catch {
            metrics.refused(error.reason.rawValue, error.message, client: client)
            throw error
        }
    }

    private func admit(
        _ parameters: StreamParameters, id: String, client: String, near: Int?, hasReader: Bool
    ) async throws(AdmissionRefusal) -> OpenStream {
        let model = try model(parameters.model)
        let report = try liveReport(parameters, model)
        let rate = model.recipe.sampleRate
        let isAtModelRate = parameters.rate ?? rate == rate
        // A name of the service's own is given again after a restart, to another client.
        let isNamed = StreamName.isValid(id)
        let keepsState = parameters.keepsState && isAtModelRate && isNamed
        var setup = StreamSetup(
            id: id, eventIdentity: StreamName.eventIdentity(id, part: parameters.eventPart), model: model,
            audio: hasReader ? parameters.audio : nil, report: report,
            // Invariant: settings of times are at most an hour here, and rates are below 2^20.
            queueLimit: Int(defaults.queueSeconds * Double(rate)), dropsWhenFull: parameters.dropsWhenFull,
            subscription: parameters.subscription, keepsState: keepsState, position: parameters.position)
        if parameters.resumes {
            // The old connection of a client may not be known to be broken yet.
            await loop(of: id)?.endStream(named: id, .takenOver)
            setup.state = keepsState ? await states.load(id) : nil
            if !isNamed {
                setup.note = "only a stream with a name can be resumed; this one starts afresh"
            } else if !isAtModelRate {
                setup.note = "only a stream at the model's rate can be resumed; this one starts afresh"
            } else if setup.state == nil {
                setup.note = "there is no state of this stream; it starts afresh"
            }
        }
        let loop = try shared.admit(id, client: client, model: ObjectIdentifier(model.network), near: near)
        do { return try await loops[loop].open(setup, hasReader: hasReader) } catch {
            shared.release(id)
            if let refusal = error as? AdmissionRefusal { throw refusal }
            throw AdmissionRefusal(reason: .request, message: ClassifierError(error).message)
        }
    }

    /// Returns the reason for which a client's stream without a name would be refused now; nil if it would be admitted.
    func refusal(_ parameters: StreamParameters, client: String) -> AdmissionRefusal? {
        do throws(AdmissionRefusal) {
            return shared.refusal(client: client, model: ObjectIdentifier(try model(parameters.model).network))
        } catch {
            return error
        }
    }

    /// Returns the loop of a running stream.
    func loop(of id: String) -> InferenceLoop? { shared.loops[id].map { loops[$0] } }

    /// Returns when all loops have answered.
    func ping() async { for loop in loops { await loop.ping() } }

    /// Refuses new streams.
    func refuse() { shared.stop() }

    /// Refuses new streams and ends the running ones.
    func drain() async {
        refuse()
        for loop in loops { await loop.stop() }
    }

    /// Returns a name that no client can choose.
    private func name(_ prefix: String) -> String {
        let number = numbers.withLockedValue { number in
            number += 1
            return number
        }
        return StreamName.generated(prefix, number)
    }
}

/// The number of connections that have a stream, its last lines or a request, which a stopping service waits for.
final class ConnectionCount: Sendable {
    private let value = NIOLockedValueBox(0)
    var count: Int { value.withLockedValue { $0 } }
    func enter() { value.withLockedValue { $0 += 1 } }
    func leave() { value.withLockedValue { $0 -= 1 } }
}
