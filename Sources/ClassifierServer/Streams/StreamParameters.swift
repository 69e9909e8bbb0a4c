package import AudioClassifier
package import AudioFrontend

/// What a client asks for in a request's query, on top of the configuration. A parameter that is not known is refused,
/// so that a misspelt one is not passed over.
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
    /// Go on from the stream's saved state, if there is one.
    package var resumes = false
    /// Whether the stream leaves a state to go on from.
    package var keepsState = true
    /// Position of the first sample that the client is going to send.
    package var position: Int64?
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

    /// What a query sets.
    /// - Parameter names: the parameters that this request knows.
    package init(
        _ defaults: ServeConfiguration.Streams, query: [RequestTarget.Parameter], known names: [String]
    ) throws(AdmissionRefusal) {
        self.init(defaults)
        for parameter in query {
            guard names.contains(parameter.name) else {
                throw Self.wrong(
                    "there is no parameter \"\(parameter.name)\"; known are \(names.joined(separator: ", "))")
            }
            guard set(parameter.name, parameter.value) else {
                throw Self.wrong("\(parameter.name)=\(parameter.value): expected \(Self.expected(parameter.name))")
            }
        }
    }

    private static let decisions = [
        "threshold", "threshold_off", "class_threshold", "allow", "deny", "min_duration_ms", "max_gap_ms",
        "refractory_ms", "pad_ms", "min_dbfs",
    ]
    private static let sound = ["model", "sample_format", "rate", "channels", "channel"]

    /// Of `/v1/stream`.
    package static let stream =
        ["stream", "emit", "every", "top_k", "live", "resume", "position", "features"] + sound + decisions
    /// Of `/v1/streams/ID/watch`.
    package static let watch = ["emit", "every", "top_k", "features"]
    /// Of `/v1/classify`.
    package static let file = ["stream", "emit", "every", "top_k", "format"] + sound + decisions

    static func wrong(_ message: String) -> AdmissionRefusal { AdmissionRefusal(reason: .request, message: message) }

    mutating func setEmissions(_ emissions: [ReportMode]) {
        emission = emissions.first { $0 != .events } ?? .events
        subscription.frames = emission != .events
        subscription.events = emissions.contains(.events)
    }

    private mutating func set(_ name: String, _ value: String) -> Bool {
        func assign<Value>(_ parsed: Value?, _ body: (Value) -> Void) -> Bool {
            guard let parsed else { return false }
            body(parsed)
            return true
        }
        func count(_ range: ClosedRange<Int>) -> Int? { Int(value).flatMap { range.contains($0) ? $0 : nil } }
        switch name {
        case "stream": return assign(StreamName.isValid(value) ? value : nil) { id = $0 }
        case "model": return assign(value) { model = $0 }
        case "sample_format": return assign(SampleFormat(rawValue: value)) { format = $0 }
        case "rate": return assign(count(1000...768_000)) { rate = $0 }
        case "channels": return assign(count(1...256)) { channels = $0 }
        case "channel":
            return assign(value == "mix" ? .mix : count(1...256).map { .channel($0) }) { selection = $0 }
        case "emit":
            let words = value.split(separator: ",").map { ReportMode(rawValue: String($0)) }
            let emissions = words.compactMap { $0 }
            guard !words.isEmpty, words.count == emissions.count else { return false }
            setEmissions(emissions)
            return true
        case "every": return assign(count(1...1_000_000)) { every = $0 }
        case "top_k": return assign(count(1...1000)) { topCount = $0 }
        case "live": return assign(Bool(value)) { dropsWhenFull = $0 }
        case "resume": return assign(Bool(value)) { resumes = $0 }
        case "features": return assign(Bool(value)) { subscription.features = $0 }
        case "position": return assign(Int64(value).flatMap { (0...1 << 48).contains($0) ? $0 : nil }) { position = $0 }
        case "format": return assign(OutputFormat(rawValue: value)) { lines = $0 }
        default: return setDecision(name, value)
        }
    }

    private mutating func setDecision(_ name: String, _ value: String) -> Bool {
        let number = Double(value).flatMap { $0.isFinite ? $0 : nil }
        let time = Int(value).flatMap { (0...3_600_000).contains($0) ? $0 : nil }
        switch name {
        case "threshold": decision.threshold = number
        case "threshold_off": decision.thresholdOff = number
        case "min_dbfs": decision.minimumLevel = number ?? 0
        case "class_threshold":
            guard let equals = value.lastIndex(of: "="), let threshold = Double(value[value.index(after: equals)...])
            else { return false }
            decision.classThresholds[String(value[..<equals])] = threshold
            return true
        case "allow":
            decision.allow.append(value)
            return true
        case "deny":
            decision.deny.append(value)
            return true
        case "min_duration_ms": decision.minimumDuration = time
        case "max_gap_ms": decision.maximumGap = time
        case "refractory_ms": decision.refractoryTime = time
        case "pad_ms": decision.padding = time ?? 0
        default: return false
        }
        return name.hasSuffix("_ms") ? time != nil : number != nil
    }

    private static func expected(_ name: String) -> String {
        switch name {
        case "stream": "1 to 64 letters, digits, dots, dashes and underscores"
        case "sample_format": "one of \(SampleFormat.allCases.map(\.rawValue).joined(separator: ", "))"
        case "channel": "mix, or a number from 1 on"
        case "emit": "frames, changes, events, or two of them with a comma between; for files also summary"
        case "live", "resume", "features": "true or false"
        case "format": "one of \(OutputFormat.allCases.map(\.rawValue).joined(separator: ", "))"
        case "class_threshold": "LABEL=P"
        default: "a number in a sensible range"
        }
    }
}
