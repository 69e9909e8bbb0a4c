internal import AudioClassifier
internal import ClassifierServer
internal import FoundationEssentials
internal import Testing
internal import audio_classifierd

/// The table of settings, and the texts that are generated from it.
@Suite struct SettingTests {
    private static var package: String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    }

    /// The documentation contains the tables that the program prints; `scripts/update-settings` writes them.
    @Test(arguments: [
        ("options", "docs/configuration.md"), ("configuration", "docs/configuration.md"), ("query", "docs/clients.md"),
    ])
    func documentationIsPrintedFromTheTable(table: String, page: String) throws {
        let text = try String(contentsOf: URL(filePath: "\(Self.package)/\(page)"), encoding: .utf8)
        let printed = try Program.run(["settings", table]).output
        #expect(printed.hasPrefix("| ") && printed.split(separator: "\n").count > 5)
        #expect(
            text.contains("<!-- settings: \(table) -->\n\(printed)<!-- end -->\n"),
            "\(page) is not up to date: run scripts/update-settings")
    }

    /// The example configuration has every setting with its default, except for the address of raw PCM.
    @Test func exampleConfigurationHasEverySetting() throws {
        func values(_ arguments: [String]) throws -> [String] {
            let printed = try Program.run(
                ["serve", "--print-config"] + arguments, environment: ["AUDIO_CLASSIFIERD_MODEL": ""])
            #expect(printed.status == 0, "\(printed.errors)")
            return printed.lines.map { String($0[..<($0.firstRange(of: "  # ")?.lowerBound ?? $0.endIndex)]) }
        }
        let example = try values(["--config", "\(Self.package)/configs/serve.yaml"])
        let defaults = try values([])
        #expect(example.count == defaults.count)
        let different = zip(example, defaults).filter { $0 != $1 }.map { $0.0 }
        #expect(different == ["  tcp: \"127.0.0.1:8081\""], "the example shows nc, for which it listens")
        let text = try String(contentsOf: URL(filePath: "\(Self.package)/configs/serve.yaml"), encoding: .utf8)
        for section in ServerSettings.sections {
            for setting in section.settings {
                #expect(text.contains("\(setting.configurationKey):"), "\(setting.name)")
            }
        }
    }

    /// The table has exactly the settings of the configuration.
    @Test func tableIsComplete() throws {
        let printed = try Program.run(["serve", "--print-config"])
        var path: [String] = []
        var keys: Set<String> = []
        for line in printed.lines {
            let depth = line.prefix { $0 == " " }.count / 2
            path = Array(path.prefix(depth)) + [String(line.drop { $0 == " " }.prefix { $0 != ":" })]
            if line.contains("  # ") { keys.insert(path.joined(separator: ".")) }
        }
        #expect(
            keys
                == Set(
                    ServerSettings.sections.flatMap { section in
                        section.settings.map { section.path + $0.configurationKey }
                    }))
    }

    /// The settings of one program have different variables, which differ from those of the folder of models and the
    /// kernels.
    @Test func variablesAreUnambiguous() throws {
        let keys = ServerSettings.sections.flatMap { section in
            section.settings.map { SettingVariable.name(section.path + $0.configurationKey) }
        }
        #expect(Set(keys).count == keys.count)
        for reserved in [SettingVariable.modelFolder, SettingVariable.kernels] { #expect(!keys.contains(reserved)) }
        #expect(SettingVariable.name("models") == "AUDIO_CLASSIFIERD_SERVE_MODELS")
        #expect(SettingVariable.name("limits.streams") == "AUDIO_CLASSIFIERD_LIMITS_STREAMS")
    }

    /// The message for a wrong value of an option, a query or a configuration uses the words of the help.
    @Test func helpAndRefusalsSayTheSame() throws {
        let expected = DecisionSettings.minimumDuration.expected
        #expect(expected == "a whole number from 0 to 3600000 ms")
        let help = try Program.run(["run", "--help"]).output.split(whereSeparator: \.isWhitespace).joined(
            separator: " ")
        #expect(help.contains(DecisionSettings.minimumDuration.optionHelp))
        #expect(try Program.run(["run", "x", "--min-duration-ms", "1.5"]).errors.contains("expected \(expected)"))
        let serve = try Program.run(["serve", "--check", "--set", "streams.decision.min_duration_ms=1.5"])
        #expect(serve.status == 78 && serve.errors.contains("expected \(expected)"), "\(serve.errors)")
    }

    @Test func listsInOneText() {
        #expect(SettingList.elements("a,b") == ["a", "b"] && SettingList.elements("") == [])
        #expect(SettingList.elements(#"["Child speech, kid speaking", "b"]"#) == ["Child speech, kid speaking", "b"])
        #expect(SettingList.elements("[a]") == nil)
        #expect(ClassThreshold("a=b=0.5") == ClassThreshold(label: "a=b", threshold: 0.5))
        for wrong in ["a", "a=", "a=0", "a=1.1", "a=nan", "=x"] { #expect(ClassThreshold(wrong) == nil, "\(wrong)") }
    }

    @Test func suggestionsAreNear() {
        let words = ["run", "classify", "serve", "models", "features", "encode", "bench"]
        for (typed, meant) in [("clasify", "classify"), ("rnu", "run"), ("Serve", "serve"), ("model", "models")] {
            #expect(Spelling.nearest(to: typed, in: words).first == meant, "\(typed)")
        }
        #expect(Spelling.nearest(to: "nonsense", in: words) == [])
        #expect(Spelling.nearest(to: "bark", in: ["Bow-wow, Bark", "Dog"]) == ["Bow-wow, Bark"])
    }
}
