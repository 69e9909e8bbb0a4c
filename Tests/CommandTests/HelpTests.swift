internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The program's output about itself, its models and this machine.
@Suite struct HelpTests {
    @Test(arguments: [
        [], ["run"], ["classify"], ["models"], ["models", "list"], ["models", "show"], ["models", "verify"],
        ["models", "labels"], ["features"],
        ["encode"], ["bench"], ["serve"], ["requests"], ["report"], ["evaluate"],
    ])
    func everyCommandHasHelpWithExamples(command: [String]) throws {
        let finished = try Program.run(command + ["--help"])
        #expect(finished.status == 0 && finished.errors == "")
        #expect(finished.output.contains("USAGE: \((["audio-classifierd"] + command).joined(separator: " "))"))
        #expect(finished.output.contains("Examples:\n"), "\(finished.output)")
        // A line that the terminal's width has broken would be two commands.
        let lines = finished.output.split(separator: "\n", omittingEmptySubsequences: false)
        let examples = lines.drop { $0 != "Examples:" }.dropFirst().prefix { !$0.isEmpty }
        #expect(!examples.isEmpty && examples.allSatisfy { $0.hasPrefix("  ") && $0.count <= 80 }, "\(examples)")
    }

    @Test func helpNamesEveryCommand() throws {
        let help = try Program.run(["--help"]).output
        let commands = [
            "run", "classify", "report", "evaluate", "serve", "models", "features", "encode", "requests", "bench",
        ]
        for command in commands {
            #expect(help.contains("\n  \(command) "), "\(command)")
        }
        #expect(try Program.run([]).output == help)
    }

    @Test func version() throws {
        let finished = try Program.run(["--version"])
        let numbers = finished.output.split(separator: "\n")[0].split(separator: ".").compactMap { Int($0) }
        #expect(finished.status == 0 && numbers.count == 3 && finished.lines.count == 1)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) throws {
        let finished = try Program.run(["--generate-completion-script", shell])
        #expect(finished.status == 0 && finished.output.contains("classify"))
    }

    @Test func modelsAreListed() throws {
        let listed = try Program.run(["models", "list"])
        #expect(listed.status == 0)
        #expect(listed.lines.contains { $0.hasPrefix("\(Program.model) ") && $0.contains("12 labels") })
        #expect(try Program.run(["models"]).output == listed.output)
    }

    /// The output for scripts and completions.
    @Test func namesAndLabelsAreListed() throws {
        let names = try Program.run(["models", "list", "--names"]).lines
        #expect(names.contains(Program.model) && names == names.sorted())
        let labels = try Program.run(["models", "labels", Program.model])
        #expect(labels.status == 0 && labels.lines.count == 12 && labels.lines.contains("yes"))
        let missing = try Program.run(["models", "labels", "no-such-model"])
        #expect(missing.status == 78 && missing.errors.contains("no-such-model"))
    }

    @Test func unusableModelIsListedWithTheReason() throws {
        let folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: "\(folder.path)/bad", withIntermediateDirectories: true)
        try folder.write(Array("{}".utf8), to: "bad/config.json")
        let listed = try Program.run(["models"], environment: ["AUDIO_CLASSIFIERD_MODELS": folder.path])
        #expect(listed.status == 0)
        #expect(listed.lines.contains { $0.hasPrefix("\(folder.path)/bad ") && $0.contains("format_version") })
        let verified = try Program.run(["models", "verify"], environment: ["AUDIO_CLASSIFIERD_MODELS": folder.path])
        #expect(verified.status == 78 && verified.errors.contains("bad/config.json"))
    }

    @Test func modelIsShown() throws {
        let shown = try Program.run(["models", "show", Program.model])
        #expect(shown.status == 0)
        for word in ["name         keywords-en", "SHA-256", "labels       _silence_", "16000 Hz, 64 mel bands", "card"]
        {
            #expect(shown.output.contains(word), "\(word)")
        }
        #expect(shown.output.contains("; 0.92 where the level has not risen by 6 dB\n"))
        #expect(shown.output.contains("(12)") && shown.output.contains("README.md"), "labels and the card's place")
    }

    /// A model's description fits on a screen; `--card` prints all labels and the whole card.
    @Test(arguments: ["general", "environment", "keywords-en", "keywords-ar"])
    func descriptionIsAScreen(name: String) throws {
        let shown = try Program.run(["models", "show", name])
        #expect(shown.status == 0 && shown.lines.count <= 40, "\(shown.lines.count) lines")
        #expect(shown.lines.filter { !$0.hasPrefix("folder") }.allSatisfy { $0.count <= 500 })
        #expect(shown.output.contains("intended_use ") && shown.output.contains("models show \(name) --card"))
        let whole = try Program.run(["models", "show", name, "--card"])
        let file = try Data(contentsOf: URL(filePath: "\(Program.models)/\(name)/config.json"))
        let configuration = try JSONDecoder().decode(JSONValue.self, from: file)
        let start = try #require(whole.output.firstRange(of: "\ncard\n")?.upperBound)
        let card = try JSONDecoder().decode(JSONValue.self, from: Data(whole.output[start...].utf8))
        #expect(card == configuration["card"])
        let labels = try #require(configuration["labels"]?.elements).compactMap(\.string)
        #expect(whole.lines.contains("labels       \(labels.joined(separator: ", "))"))
    }

    @Test func modelIsVerified() throws {
        let verified = try Program.run(["models", "verify", Program.model])
        #expect(verified.status == 0 && verified.errors == "")
        #expect(!verified.lines.isEmpty)
        #expect(
            verified.lines.allSatisfy {
                $0.hasPrefix("\(Program.model)  ") && $0.contains("  ok  golden logits within")
                    && $0.contains(" frames of test signals")
            })
        #expect(try Program.run(["models", "verify"]).output.contains(verified.output))
    }

    /// An installed program finds its models under the same prefix, from every working directory.
    @Test func installedProgramFindsItsModels() throws {
        let prefix = try TemporaryDirectory()
        let models = "\(prefix.path)/share/audio-classifierd/models"
        for folder in ["bin", "share/audio-classifierd/models/found"] {
            try FileManager.default.createDirectory(
                atPath: "\(prefix.path)/\(folder)", withIntermediateDirectories: true)
        }
        try FileManager.default.copyItem(atPath: Program.path, toPath: "\(prefix.path)/bin/audio-classifierd")
        for file in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                atPath: "\(Program.models)/\(Program.model)/\(file)", toPath: "\(models)/found/\(file)")
        }
        let child = try ChildProcess(
            ["models", "show", "found"], environment: ["AUDIO_CLASSIFIERD_MODELS": "/nowhere"],
            program: "\(prefix.path)/bin/audio-classifierd")
        let shown = try child.wait()
        #expect(shown.status == 0 && shown.output.contains("\(models)/found"), "\(shown)")
    }

    /// Without options no window costs more than a model may: those are left out.
    @Test func operationsOfTheDefaultWindows() throws {
        let bench = try Program.run(["bench", "--operations", "--format", "json"])
        #expect(bench.status == 0, "\(bench.errors)")
        let rows = try bench.records()
        #expect(rows.contains { $0["attention"] == "full" && $0["window"] == 1920 })
        #expect(rows.contains { $0["attention"] == "continual-nystrom" && $0["window"] == 12000 })
        let chosen = try Program.run(["bench", "--operations", "--attention", "full", "--window", "12000"])
        #expect(chosen.status == 64 && chosen.errors.contains("n = 12000: encoder: a prediction would take 58 billion"))
        #expect(!chosen.errors.contains("DecodingError"))
    }

    @Test func benchmarkIsReadByMachines() throws {
        let bench = try Program.run(
            [
                "bench", "--window", "120", "--attention", "continual-nystrom", "--landmarks", "fixed", "--format",
                "json",
            ])
        #expect(bench.status == 0)
        let rows = try bench.records()
        #expect(rows.count == 1)
        let row = try #require(rows.first)
        #expect(row["type"] == "bench" && row["stage"]?.string?.contains("n = 120") == true)
        let times = ["median_us", "p99_us", "max_us"].compactMap { row[$0]?.number }
        #expect(times.count == 3 && times == times.sorted() && times.allSatisfy { $0 > 0 })
        #expect(row["state_bytes"]?.number ?? 0 > 0)
    }

    /// A pair of retroactive layers, whose rows begin with the first token.
    @Test func pairsAreMeasured() throws {
        let bench = try Program.run(
            [
                "bench", "--window", "24", "--attention", "continual", "--layers", "2", "--depth", "window", "--format",
                "json",
            ])
        #expect(bench.status == 0, "\(bench)")
        #expect(try bench.records().count == 1)
    }

    /// A model's own number of layers, unless another is given.
    @Test func layersAreTheModels() throws {
        func layers(_ options: String...) throws -> Set<Double> {
            let words = ["bench", "--operations", "--model", "keywords-en", "--window", "24", "--format", "json"]
            let rows = try Program.run(words + options).records()
            return Set(rows.compactMap { $0["layers"]?.number })
        }
        #expect(try layers() == [2])
        #expect(try layers("--layers", "1") == [1])
    }

    /// 2 n^2 D + 4 n D^2 + 2 n D F of the whole window; 2 n D + 4 D^2 + 2 D F from a ring.
    @Test func operationsAreReadByMachines() throws {
        let bench = try Program.run(["bench", "--operations", "--window", "120", "--format", "json"])
        #expect(bench.status == 0)
        var totals: [String: Double] = [:]
        for row in try bench.records() {
            let name = (row["attention"]?.string ?? "") + (row["landmarks"]?.string.map { " \($0)" } ?? "")
            totals[name] = row["total_mac"]?.number
        }
        let (n, width, hidden) = (120.0, 192.0, 192.0)
        let layer = 4 * width * width + 2 * width * hidden
        // The stem of the benchmark's layer takes one feature, and its head gives one logit.
        #expect(totals["full"] == 2 * n * n * width + n * layer)
        #expect(totals["continual"] == 2 * n * width + layer)
        #expect(totals.count == 5)
        #expect(try #require(totals["continual-nystrom fixed"]) < (try #require(totals["continual"])))
    }
}
