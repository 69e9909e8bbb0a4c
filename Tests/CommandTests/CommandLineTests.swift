internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Mistyped command lines, and settings from the environment.
@Suite struct CommandLineTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        for name in ["a.wav", "-dash.wav", "--two.wav"] {
            try folder.write(WaveFile(Sound.samples(4000)).bytes, to: name)
        }
    }

    private var recording: String { "\(folder.path)/a.wav" }

    /// Runs a line of bash in the folder; `$0` is the program.
    private func bash(_ line: String) throws -> Finished {
        try ChildProcess(["-c", "cd '\(folder.path)' && exec \(line)", Program.path], program: "/bin/bash").wait()
    }

    @Test(arguments: [
        (["clasify", "a.wav"], "\"clasify\" (did you mean \"classify\"?)"), (["help", "nonsense"], "\"nonsense\""),
        (["help", "encod"], "did you mean \"encode\"?"), (["models", "lst"], "did you mean \"list\"?"),
        (["help", "models", "shwo"], "did you mean \"show\"?"), (["run", "--treshold", "0.5"], "'--threshold'"),
        (["classify", "-", "-"], "once"),
    ])
    func mistypedWordsAreNamedWithSuggestions(arguments: [String], words: String) throws {
        let finished = try Program.run(arguments)
        #expect(finished.status == 64 && finished.output == "", "\(finished)")
        #expect(finished.errors.contains(words), "\(finished.errors)")
    }

    @Test func helpIsStillThere() throws {
        for arguments in [["help"], ["help", "run"], ["help", "models", "show"], ["run", "-h"]] {
            let finished = try Program.run(arguments)
            #expect(finished.status == 0 && finished.output.contains("USAGE: audio-classifierd"), "\(finished)")
        }
    }

    /// Names that begin with dashes, from a pattern of the shell, are files and not options.
    @Test func dashesInFrontOfNames() throws {
        let all = try bash("\"$0\" classify *.wav")
        let files = try all.records("summary").compactMap { $0["file"]?.string }
        #expect(all.status == 0 && Set(files) == ["a.wav", "./-dash.wav", "./--two.wav"], "\(all)")
        #expect(try bash("\"$0\" run -dash.wav").status == 0)
        let missing = try bash("\"$0\" classify -hash.wav")
        #expect(missing.status == 64 && missing.output == "" && missing.errors.contains("-hash.wav"), "\(missing)")
        #expect(try bash("\"$0\" classify -- -dash.wav").status == 0)
    }

    @Test(
        arguments: [
            (["run", "--top-k", "0"], 64), (["clasify"], 64), (["run", "--nonsense"], 64), (["run", "/missing"], 66),
            (["models", "verify", "/missing"], 78),
        ] as [([String], Int32)])
    func everyFailureIsJSONWhereAskedFor(arguments: [String], status: Int32) throws {
        for (extra, environment) in [
            (["--log-format", "json"], [:]), (["--log-format=json"], [:]),
            ([], ["AUDIO_CLASSIFIERD_LOG_FORMAT": "json"]),
        ] {
            let finished = try Program.run(arguments + extra, environment: environment)
            #expect(finished.status == status, "\(finished)")
            let records = try Finished(status: 0, output: finished.errors, errors: "").records()
            #expect(!records.isEmpty && records.allSatisfy { $0["type"] == "log" && $0["level"] == "error" })
        }
    }

    /// A flag wins over the environment, the environment over the default.
    @Test func optionsComeFromTheEnvironment() throws {
        func labels(_ arguments: [String], _ environment: [String: String]) throws -> [Int] {
            let finished = try Program.run(["classify", recording] + arguments, environment: environment)
            #expect(finished.status == 0, "\(finished.errors)")
            return try finished.records("summary").map { $0.topLabels.count }
        }
        let variable = ["AUDIO_CLASSIFIERD_TOP_K": "5"]
        #expect(try labels([], [:]) == [3] && labels([], variable) == [5])
        #expect(try labels(["--top-k", "1"], variable) == [1] && labels(["--top-k=2"], variable) == [2])
        #expect(try labels([], ["AUDIO_CLASSIFIERD_ALLOW": "yes,no"]) == [2])
        #expect(try labels([], ["AUDIO_CLASSIFIERD_ALLOW": #"["yes"]"#]) == [1])
        #expect(try labels([], ["AUDIO_CLASSIFIERD_MIN_DBFS": "-40", "AUDIO_CLASSIFIERD_THREADS": "2"]) == [3])
    }

    @Test(arguments: [
        ("TOP_K", "many", "a whole number from 1 to"), ("EMIT", "noise", "frames, changes, events, summary"),
        ("ALLOW", "[1]", "JSON array"), ("CLASS_THRESHOLD", "yes=0.5,no=2", "\"no=2\""),
    ])
    func wrongVariablesAreNamed(name: String, value: String, words: String) throws {
        let finished = try Program.run(["run", recording], environment: ["AUDIO_CLASSIFIERD_\(name)": value])
        #expect(finished.status == 78 && finished.output == "")
        #expect(
            finished.errors.contains("AUDIO_CLASSIFIERD_\(name) ") && finished.errors.contains(words), "\(finished)")
    }

    /// The folder of models and the setting `models` of `serve` have variables of their own.
    @Test func folderOfModelsIsNoListOfModels() throws {
        let environment = ["AUDIO_CLASSIFIERD_SERVE_MODELS": "environment-10,keywords-ar"]
        let shown = try Program.run(["serve", "--print-config"], environment: environment)
        #expect(shown.status == 0 && shown.errors == "", "\(shown.errors)")
        #expect(shown.lines.contains("models: [\"environment-10\", \"keywords-ar\"]  # AUDIO_CLASSIFIERD_SERVE_MODELS"))
        #expect(shown.lines.contains("model: \"\(Program.model)\"  # AUDIO_CLASSIFIERD_MODEL"))
        let foreign = try Program.run(["serve", "--print-config"], environment: ["AUDIO_CLASSIFIERD_TOP_K": "1"])
        #expect(foreign.errors == "", "a variable of another command")
    }

    /// Every command names the variables that belong to no setting, with those that may be meant.
    @Test(arguments: [
        ["serve", "--print-config"], ["run", "a.wav"], ["classify", "a.wav"], ["models", "list"],
        ["features", "--print-recipes"],
    ])
    func misspeltVariablesAreNamed(command: [String]) throws {
        let environment = [
            "AUDIO_CLASSIFIERD_TOPK": "1", "AUDIO_CLASSIFIERD_LIMIT": "1", "AUDIO_CLASSIFIERD_LIMITS_STREAMS": "9",
            "AUDIO_CLASSIFIERD_TOP_K": "1",
        ]
        let arguments = command.map { $0 == "a.wav" ? recording : $0 }
        let finished = try Program.run(arguments, environment: environment)
        #expect(finished.status == 0, "\(finished.errors)")
        let named = finished.errors.split(separator: "\n").filter { $0.contains("is not a setting") }
        #expect(named.count == 2, "\(finished.errors)")
        #expect(named.last?.contains("AUDIO_CLASSIFIERD_TOPK ") == true)
        #expect(named.last?.contains("did you mean AUDIO_CLASSIFIERD_TOP_K?") == true)
        #expect(named.first?.contains("AUDIO_CLASSIFIERD_LIMIT ") == true)
    }
}
