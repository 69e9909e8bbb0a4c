internal import AudioClassifier
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A general label gives way to a specific one in lists of labels.
@Suite struct LabelRankingTests {
    /// Animal above Dog above Bark and Growl; Cat is below Animal, and Growl is below Cat, too.
    private static let labels = ["Animal", "Dog", "Bark", "Cat", "Growl", "Speech"]
    private static let parents = [
        "Dog": ["Animal"], "Cat": ["Animal"], "Bark": ["Dog"], "Growl": ["Dog", "Cat"],
    ]

    private func rules(
        parents: [String: [String]] = Self.parents, _ change: (inout DecisionRules.Settings) -> Void = { _ in }
    ) throws -> DecisionRules {
        var settings = DecisionRules.Settings()
        change(&settings)
        return try DecisionRules(
            try configuration(labels: Self.labels, background: [], parents: parents), settings)
    }

    private func list(_ rules: DecisionRules, _ probabilities: [Float], _ count: Int = 9) -> [String] {
        let ranked = rules.ranking.ranked(probabilities, count).map { Self.labels[$0] }
        if count > 0 { #expect(rules.ranking.first(probabilities).map { Self.labels[$0] } == ranked.first) }
        return ranked
    }

    @Test func labelGivesWayToAChildWithHalfOfItsProbability() throws {
        let rules = try rules()
        #expect(list(rules, [0.9, 0.45, 0, 0, 0, 0], 1) == ["Dog"], "half is enough")
        #expect(list(rules, [0.9, 0.44, 0, 0, 0, 0], 1) == ["Animal"])
        #expect(list(rules, [0.8, 0.5, 0.3, 0, 0, 0.7], 1) == ["Bark"], "step by step, also below another branch")
        #expect(list(rules, [0.8, 0.5, 0.2, 0, 0.3, 0.7], 1) == ["Growl"])
        #expect(list(rules, [0.8, 0.5, 0.2, 0.6, 0.1, 0.7], 1) == ["Cat"], "the most probable child")
        #expect(list(rules, [0.1, 0.6, 0.1, 0, 0, 0.2], 1) == ["Dog"], "the list begins at the most probable label")
        #expect(list(rules, [0.9, 0.5, 0.2, 0, 0, 0.95], 1) == ["Speech"])
    }

    @Test func labelsThatGaveWayAreLast() throws {
        let rules = try rules()
        #expect(
            list(rules, [0.9, 0.5, 0.3, 0.1, 0.2, 0.4]) == ["Bark", "Speech", "Growl", "Animal", "Dog", "Cat"])
        #expect(list(rules, [0.9, 0.5, 0.3, 0.1, 0.2, 0.4], 2) == ["Bark", "Speech"])
        #expect(list(rules, [0.9, 0.5, 0.3, 0.1, 0.2, 0.4], 5) == ["Bark", "Speech", "Growl", "Animal", "Dog"])
        #expect(list(rules, [0.9, 0.5, 0.3, 0.1, 0.2, 0.4], 0) == [])
    }

    /// A bark is a dog's, and a dog an animal, also where the dog is more probable than either.
    @Test func labelGivesWayToAChildThatGaveWayItself() throws {
        let rules = try rules()
        #expect(list(rules, [0.74, 0.89, 0.8, 0.01, 0.1, 0.05], 3) == ["Bark", "Growl", "Speech"])
        #expect(list(rules, [0.74, 0.89, 0.8, 0.3, 0.1, 0.05], 3) == ["Bark", "Cat", "Growl"])
    }

    @Test func equalProbabilitiesAreInTheModelsOrder() throws {
        let rules = try rules()
        #expect(list(rules, [0, 0, 0, 0, 0, 0], 1) == ["Bark"], "half of nothing is nothing")
        #expect(list(rules, [0.5, 0.5, 0.1, 0.5, 0.1, 0.5]) == ["Dog", "Cat", "Speech", "Bark", "Growl", "Animal"])
    }

    @Test func allLabelsAreRankedByProbability() throws {
        let all = try rules { $0.labels = .all }
        #expect(list(all, [0.9, 0.5, 0.3, 0.1, 0.2, 0.4]) == ["Animal", "Dog", "Speech", "Bark", "Growl", "Cat"])
        let flat = try rules(parents: [:])
        #expect(list(flat, [0.9, 0.5, 0.3, 0.1, 0.2, 0.4]) == ["Animal", "Dog", "Speech", "Bark", "Growl", "Cat"])
    }

    @Test func labelThatIsNotShownTakesNoPlace() throws {
        #expect(list(try rules { $0.deny = ["Dog"] }, [0.9, 0.8, 0.7, 0.1, 0, 0], 9).first == "Animal")
        #expect(
            list(try rules { $0.allow = ["Animal", "Speech"] }, [0.9, 0.8, 0.7, 0.1, 0, 0]) == ["Animal", "Speech"])
    }

    /// The list is a permutation of the shown labels, and its beginning does not depend on its length.
    @Test func listHasEachLabelOnce() throws {
        let rules = try rules()
        var random = SplitMix64(seed: 8)
        for _ in 0..<200 {
            let probabilities = Self.labels.map { _ in Float((random.uniform() * 8).rounded()) / 8 }
            let whole = list(rules, probabilities)
            #expect(whole.sorted() == Self.labels.sorted())
            for count in 0...Self.labels.count {
                #expect(list(rules, probabilities, count) == Array(whole.prefix(count)))
            }
        }
    }
}
