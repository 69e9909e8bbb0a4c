internal import AudioClassifier
internal import AudioFrontend
internal import Kernels
internal import NIOHTTP1
internal import StreamTransformer
internal import StrictCoding

/// Reports about the service: streams, models, load, metrics.
struct ServiceReport: Sendable {
    let hub: StreamHub
    let gate: ConnectionGate

    func streams() async -> String {
        var statuses: [StreamStatus] = []
        for loop in hub.loops { statuses += await loop.statuses }
        return JSONWriter.array(statuses.sorted { $0.id < $1.id }.map(Self.object))
    }

    /// Returns the answer about a running stream.
    func stream(_ id: String) async -> HTTPAnswer {
        guard let status = await hub.loop(of: id)?.status(of: id) else {
            return .failure(.notFound, code: "not_found", "there is no stream \"\(id)\"; GET /v1/streams lists them")
        }
        return .json(Self.object(status).text)
    }

    private static func object(_ status: StreamStatus) -> JSONWriter {
        var line = JSONWriter(type: "stream")
        line.add("stream", status.id)
        line.add("model", status.model)
        line.add("rate", status.rate)
        line.add("sample", Int(status.position))
        line.add("t", Double(status.position) / Double(status.rate), decimals: 3)
        line.add("frames", Int(status.predictions))
        line.add("queued_samples", status.queued)
        line.add("dropped", Int(status.dropped))
        line.add("watchers", status.watchers)
        return line
    }

    func models() -> String {
        let objects = hub.offered.map { model in
            let configuration = model.network.configuration
            var line = JSONWriter(type: "model")
            line.add("model", configuration.name)
            line.add("description", configuration.description)
            line.add("licence", configuration.licence)
            line.add("model_sha256", configuration.weightsFile.sha256)
            line.add("rate", model.recipe.sampleRate)
            line.add("hop", model.predictionPeriod)
            line.add("bands", model.recipe.bands)
            line.add("frame_hop", model.recipe.hop)
            line.add("low_hz", model.recipe.lowHz, decimals: 1)
            line.add("high_hz", model.recipe.highHz, decimals: 1)
            line.add("mel_scale", model.recipe.melScale.rawValue)
            line.add("labels", configuration.labels)
            line.add("background", Array(configuration.background).sorted())
            return line
        }
        return JSONWriter.array(objects)
    }

    static let health: String = {
        var line = JSONWriter(type: "health")
        line.add("ok", true)
        return line.text
    }()

    /// Returns whether a new stream of the default model would be taken: 503 with the reason if not.
    func readiness() -> HTTPAnswer {
        let (streams, load) = hub.shared.load
        let refusal = hub.shared.refusal(client: "", model: ObjectIdentifier(hub.offered[0].network))
        var line = JSONWriter(type: "ready")
        line.add("streams", streams)
        line.add("load", load, decimals: 4)
        line.add("ready", refusal == nil)
        guard let refusal else { return .json(line.text) }
        line.add("code", refusal.reason.rawValue)
        line.add("message", refusal.message)
        var answer = HTTPAnswer.json(line.text, status: .serviceUnavailable)
        if let seconds = refusal.retryAfter { answer.headers.append(("Retry-After", "\(seconds)")) }
        return answer
    }

    func metrics() async -> String {
        var queued = 0.0
        for loop in hub.loops {
            for status in await loop.statuses {
                queued += Double(status.queued) / Double(max(1, hub.offered[0].recipe.hop))
            }
        }
        let values = hub.metrics.values
        let (streams, load) = hub.shared.load
        var text = PrometheusText()
        text.gauge(
            "build_info", "Version of the program and instruction set of its kernels; always 1.", 1,
            labels: [("version", Version.text), ("kernels", Kernels.best.name)])
        text.gauge("streams", "Streams that are running.", Double(streams))
        text.gauge("connections", "Connections that are open.", Double(gate.count))
        text.counter("connections_total", "Connections that were taken.", values.connections)
        text.counter("frames_total", "Predictions made.", values.predictions)
        text.counter("dropped_samples_total", "Samples that live sources lost.", values.droppedSamples)
        text.counter(
            "events_total", "Events that began, by label.", label: "label", values.events,
            all: hub.offered.flatMap { $0.network.configuration.labels })
        text.counter(
            "stream_ends_total", "Streams that ended, by reason.", label: "reason", values.ends, all: EndReason.names)
        text.counter(
            "refusals_total", "Streams and connections refused, by reason.", label: "reason", values.refusals,
            all: AdmissionRefusal.Reason.allCases.map(\.rawValue))
        text.counter(
            "uploads_total", "Files sent to POST /v1/classify, by outcome.", label: "outcome", values.uploads,
            all: UploadOutcome.allCases.map(\.rawValue))
        text.counter(
            "upload_audio_seconds_total", "Seconds of audio of these files that were decoded.", values.uploadSeconds,
            prefix: PrometheusText.prefix)
        text.counter(
            "lost_events_total", "Events that an output of the service lost.", label: "output", values.lostEvents)
        text.counter(
            "output_failures_total", "Failed tries of an output to connect, to send or to write.", label: "output",
            values.outputFailures)
        text.counter(
            "source_restarts_total", "Restarts of sources that ended or failed.", label: "source",
            values.sourceRestarts)
        text.counter("state_failures_total", "States that could not be saved.", values.stateFailures)
        text.histogram(
            "step_duration_seconds",
            "Time of one iteration of an inference loop: all ready streams to their next prediction.",
            values.steps)
        text.histogram(
            "prediction_latency_seconds", "Time from the arrival of a prediction's newest samples to the prediction.",
            values.latency)
        text.gauge(
            "load_ratio", "Share of the inference loops' time, or of the processors, that streams use.", load)
        text.gauge(
            "late_ratio", "Share of the predictions of the last seconds that were later than capacity.latency_ms.",
            hub.shared.lateShare)
        text.gauge(
            "realtime_factor", "Seconds of audio that a second of an inference loop classifies, as measured.",
            1 / max(hub.shared.cost, 1e-9))
        text.gauge("queue_depth_frames", "Frames' worth of samples that wait.", queued.rounded())
        ProcessMetrics.write(to: &text)
        return text.text
    }
}
