internal import AudioClassifier
internal import AudioFrontend
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import StreamTransformer

/// Opens streams: finds the model, asks for admission, chooses the loop.
final class StreamHub: Sendable {
    private struct Offer {
        var models: ServiceModels
        var defaults: ServeConfiguration.Streams
    }

    let shared: SharedLoad
    let loops: [InferenceLoop]
    let metrics: ServerMetrics
    let keeper: StateKeeper
    let connections = ConnectionCount()
    private let offer: NIOLockedValueBox<Offer>
    private let numbers = NIOLockedValueBox(0)

    init(
        models: ServiceModels, defaults: ServeConfiguration.Streams, shared: SharedLoad, loops: [InferenceLoop],
        metrics: ServerMetrics, keeper: StateKeeper
    ) {
        offer = NIOLockedValueBox(Offer(models: models, defaults: defaults))
        self.shared = shared
        self.loops = loops
        self.metrics = metrics
        self.keeper = keeper
    }

    /// New streams get these from now on.
    func offer(_ models: ServiceModels, defaults: ServeConfiguration.Streams) {
        offer.withLockedValue { $0 = Offer(models: models, defaults: defaults) }
    }

    /// What streams are unless their clients say otherwise.
    var defaults: ServeConfiguration.Streams { offer.withLockedValue { $0.defaults } }

    /// The models that clients may ask for, the standard one first.
    var offered: [AudioModel] {
        let models = offer.withLockedValue { $0.models }
        let others = models.byName.filter { $0.value.model !== models.standard.model }
        return [models.standard] + others.sorted { $0.key < $1.key }.map(\.value)
    }

    func model(_ name: String?) throws(Refusal) -> AudioModel {
        let models = offer.withLockedValue { $0.models }
        guard let found = models.model(name) else {
            throw Refusal(
                reason: .model,
                message:
                    "there is no model \"\(name ?? "")\" here; there are \(models.byName.keys.sorted().joined(separator: ", "))"
            )
        }
        return found
    }

    /// What to tell about audio of these parameters.
    func report(_ parameters: StreamParameters, _ model: AudioModel) throws(Refusal) -> ReportOptions {
        do {
            var report = ReportOptions(rules: try DecisionRules(model.model.configuration, parameters.decision))
            report.emission = parameters.emission
            report.every = parameters.every
            report.topCount = parameters.topCount
            return report
        } catch { throw StreamParameters.wrong(error.message) }
    }

    /// Begins a stream.
    /// - Parameters:
    ///   - prefix: of the name of a stream that has none.
    ///   - client: whose stream it is, for the limit of streams a client.
    ///   - eventLoop: the connection's, if there is one: the stream is put on the same thread, if that one has time.
    func open(
        _ parameters: StreamParameters, prefix: String, client: String, eventLoop: (any EventLoop)? = nil
    ) async throws(Refusal) -> OpenStream {
        let near = loops.firstIndex { $0.eventLoop === eventLoop }
        do { return try await admit(parameters, prefix: prefix, client: client, near: near) } catch {
            metrics.refused(error.reason)
            throw error
        }
    }

    private func admit(
        _ parameters: StreamParameters, prefix: String, client: String, near: Int?
    ) async throws(Refusal) -> OpenStream {
        let model = try model(parameters.model)
        guard parameters.emission != .summary else {
            throw StreamParameters.wrong("a live stream has no summary; use emit=frames, changes or events")
        }
        let report = try report(parameters, model)
        let rate = Double(model.recipe.sampleRate)
        let limits = defaults
        let id = parameters.id ?? name(prefix)
        let keepsState =
            parameters.keepsState && parameters.rate ?? model.recipe.sampleRate == model.recipe.sampleRate
        var setup = StreamSetup(
            id: id, model: model, report: report, queueLimit: Int(limits.queueSeconds * rate),
            outputLimit: limits.outputs, isLive: parameters.isLive, interest: parameters.interest,
            keepsState: keepsState, position: parameters.position)
        if parameters.resumes {
            await end(id)
            setup.state = keepsState ? await keeper.load(id) : nil
            if !keepsState {
                setup.note = "only a stream at the model's rate can go on; this one starts afresh"
            } else if setup.state == nil {
                setup.note = "there is no state of this stream; it starts afresh"
            }
        }
        let loop = try shared.admit(id, client: client, model: ObjectIdentifier(model.model), near: near)
        do { return try await loops[loop].open(setup) } catch {
            shared.release(id)
            throw (error as? Refusal) ?? Refusal(reason: .request, message: ClassifierError(error).message)
        }
    }

    /// A client that comes back for its stream, perhaps before its old connection is known to be broken, takes it over.
    private func end(_ id: String) async {
        guard let loop = loop(of: id) else { return }
        await loop.end(id, .lost)
        // The rest of its samples are classified first; a queue holds seconds, and takes milliseconds.
        for _ in 0..<200 where shared.loops[id] != nil { try? await Task.sleep(for: .milliseconds(10)) }
    }

    /// The loop of a running stream.
    func loop(of id: String) -> InferenceLoop? { shared.loops[id].map { loops[$0] } }

    /// No stream is taken any more, and those that there are end.
    func drain() async {
        shared.stop()
        for loop in loops { await loop.endAll(.stopped) }
    }

    /// A decoder for what the client sends.
    static func decoder(_ parameters: StreamParameters, name: String, rate: Int) throws(Refusal) -> PCMDecoder {
        do {
            return try PCMDecoder(
                name: name, format: parameters.format, sampleRate: parameters.rate ?? rate,
                channels: parameters.channels, selection: parameters.selection, rate: rate)
        } catch { throw StreamParameters.wrong(error.message) }
    }

    private func name(_ prefix: String) -> String {
        let number = numbers.withLockedValue { number in
            number += 1
            return number
        }
        return "\(prefix)-\(number)"
    }
}
