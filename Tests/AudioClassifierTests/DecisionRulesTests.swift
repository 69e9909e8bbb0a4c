internal import AudioClassifier
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Settings and a model's defaults give the rules of each label.
@Suite struct DecisionRulesTests {
    private typealias Settings = DecisionRules.Settings

    private func rules(
        _ decision: [String: JSONValue] = [:], _ change: (inout DecisionRules.Settings) -> Void = { _ in }
    ) throws -> DecisionRules {
        var settings = Settings()
        change(&settings)
        return try DecisionRules(try configuration(decision: decision), settings)
    }

    private func message(_ change: (inout DecisionRules.Settings) -> Void) throws -> String {
        let error = try #require(throws: ClassifierError.self) { _ = try rules([:], change) }
        #expect(error.kind == .usage)
        return error.message
    }

    @Test func defaultsAreTheModels() throws {
        let rules = try rules([
            "min_duration_ms": 80, "max_gap_ms": 120, "refractory_ms": 500,
            "class_thresholds": .object(["dog": 0.8]),
        ])
        #expect(rules.startThresholds == [0.6, 0.8, 0.6])
        #expect(rules.endThresholds == [0.4, 0.4, 0.4])
        #expect(rules.minimumDuration == 0.08)
        #expect(rules.maximumGap == 0.12)
        #expect(rules.refractoryTime == 0.5)
        #expect(rules.padding == 0)
        #expect(rules.minimumLevel == -120)
        #expect(rules.isShown == [true, true, true])
        #expect(rules.isEvent == [true, true, false], "background is shown, and is no event")
    }

    @Test func settingsOverrideDefaults() throws {
        let rules = try rules(["class_thresholds": .object(["dog": 0.8])]) {
            $0.threshold = 0.5
            $0.thresholdOff = 0.2
            $0.minimumDuration = 10
            $0.maximumGap = 20
            $0.refractoryTime = 30
            $0.padding = 40
        }
        #expect(rules.startThresholds == [0.5, 0.5, 0.5], "a threshold for all is for all")
        #expect(rules.endThresholds == [0.2, 0.2, 0.2])
        #expect(rules.minimumDuration == 0.01)
        #expect(rules.maximumGap == 0.02)
        #expect(rules.refractoryTime == 0.03)
        #expect(rules.padding == 0.04)
    }

    @Test func lowerThresholdIsNeverAboveTheUpperOne() throws {
        #expect(try rules { $0.threshold = 0.3 }.endThresholds == [0.3, 0.3, 0.3])
        let rules = try rules { $0.classThresholds = ["dog": 0.1] }
        #expect(rules.startThresholds == [0.6, 0.1, 0.6])
        #expect(rules.endThresholds == [0.4, 0.1, 0.4])
    }

    @Test func classThresholdBeatsThreshold() throws {
        let rules = try rules(["class_thresholds": .object(["dog": 0.8, "horn": 0.7])]) {
            $0.threshold = 0.5
            $0.classThresholds = ["dog": 0.9]
        }
        #expect(rules.startThresholds == [0.5, 0.9, 0.5])
    }

    @Test func allowAndDeny() throws {
        #expect(try rules { $0.allow = ["dog"] }.isShown == [false, true, false])
        #expect(try rules { $0.deny = ["dog"] }.isShown == [true, false, true])
        #expect(try rules { $0.deny = ["dog"] }.isEvent == [true, false, false])
        let both = try rules {
            $0.allow = ["dog", "quiet"]
            $0.deny = ["dog"]
        }
        #expect(both.isShown == [false, false, true])
        #expect(both.isEvent == [false, false, false], "background that is allowed is no event either")
    }

    @Test func unknownLabelIsRefused() throws {
        let messages = [
            try message { $0.allow = ["dgo"] },
            try message { $0.deny = ["dgo"] },
            try message { $0.classThresholds = ["dgo": 0.5] },
        ]
        for message in messages {
            #expect(message.contains("\"dgo\""))
            #expect(message.contains("did you mean \"dog\"?"), "the nearest label is named")
            #expect(message.contains("models labels "), "and the command that lists all")
        }
    }

    @Test(arguments: [0, -0.1, 1.000001, .nan, .infinity])
    func thresholdOutOfRangeIsRefused(value: Double) throws {
        #expect(try message { $0.threshold = value }.contains("\(value)"))
        #expect(try message { $0.thresholdOff = value }.contains("\(value)"))
        #expect(try message { $0.classThresholds = ["dog": value] }.contains("\(value)"))
    }

    @Test func contradictionsAreRefused() throws {
        let crossed = try message {
            $0.threshold = 0.5
            $0.thresholdOff = 0.6
        }
        #expect(crossed.contains("0.6") && crossed.contains("0.5"))
        #expect(try message { $0.thresholdOff = 0.7 }.contains("0.7"), "above the model's own threshold")
        #expect(try message { $0.minimumDuration = -1 }.contains("-1 ms"))
        #expect(try message { $0.maximumGap = -2 }.contains("-2 ms"))
        #expect(try message { $0.refractoryTime = -3 }.contains("-3 ms"))
        #expect(try message { $0.padding = -4 }.contains("-4 ms"))
        #expect(try rules { $0.threshold = 1 }.startThresholds == [1, 1, 1])
    }
}
