package import AudioClassifier

/// A parameter of a request's query: a setting, and where its value goes.
package struct QueryParameter: Sendable {
    package let setting: any SettingDescription
    /// Sets the value that a text says; false where the text is none.
    let apply: @Sendable (String, inout StreamParameters) -> Bool

    private init<Value>(
        _ setting: Setting<Value>, _ assign: @escaping @Sendable (Value, inout StreamParameters) -> Void
    ) {
        self.setting = setting
        apply = { text, parameters in
            guard let value = setting.kind.parse(text) else { return false }
            assign(value, &parameters)
            return true
        }
    }

    private static let report = [
        Self(QuerySettings.emit) { $1.setEmissions($0) },
        Self(ReportSettings.every) { $1.every = $0 },
        Self(ReportSettings.topCount) { $1.topCount = $0 },
    ]
    private static let features = Self(QuerySettings.features) { $1.subscription.features = $0 }
    private static let name = Self(QuerySettings.stream) { $1.id = $0 }
    private static let sound = [
        Self(ModelSettings.model) { $1.model = $0 },
        Self(InputSettings.sampleFormat) { $1.format = $0 },
        Self(InputSettings.rate) { $1.rate = $0 },
        Self(InputSettings.channels) { $1.channels = $0 },
        Self(InputSettings.channel) { $1.selection = $0 },
    ]
    private static let decision = [
        Self(DecisionSettings.threshold) { $1.decision.threshold = $0 },
        Self(DecisionSettings.thresholdOff) { $1.decision.thresholdOff = $0 },
        Self(DecisionSettings.classThreshold) { $1.decision.classThresholds[$0.label] = $0.threshold },
        Self(DecisionSettings.allow) { $1.decision.allow.append($0) },
        Self(DecisionSettings.deny) { $1.decision.deny.append($0) },
        Self(DecisionSettings.labels) { $1.decision.labels = $0 },
        Self(DecisionSettings.minimumDuration) { $1.decision.minimumDuration = $0 },
        Self(DecisionSettings.maximumGap) { $1.decision.maximumGap = $0 },
        Self(DecisionSettings.refractoryTime) { $1.decision.refractoryTime = $0 },
        Self(DecisionSettings.padding) { $1.decision.padding = $0 },
        Self(DecisionSettings.minimumLevel) { $1.decision.minimumLevel = $0 },
        Self(DecisionSettings.minimumRise) { $1.decision.minimumRise = $0 },
    ]

    /// Of `/v1/stream`.
    package static let stream: [Self] =
        [name] + report
        + [
            Self(QuerySettings.isLive) { $1.dropsWhenFull = $0 },
            Self(QuerySettings.resumes) { $1.resumes = $0 },
            Self(QuerySettings.position) { $1.position = Int64($0) },
            features,
        ] + sound + decision
    /// Of `/v1/streams/ID/watch`.
    package static let watch: [Self] = report + [features]
    /// Of `/v1/classify`.
    package static let file: [Self] =
        [name] + report + [Self(ReportSettings.format) { $1.lines = $0 }] + sound + decision
}
