internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Wrong command lines give exit status 64 and a message that names the fault.
@Suite struct UsageTests {
    private let folder: TemporaryDirectory
    private let recording: String

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: "a.wav")
        recording = "\(folder.path)/a.wav"
    }

    @Test(arguments: [
        (["--flag"], "--flag"), (["--sample-format", "s17"], "s17"), (["--format", "xml"], "xml"),
        (["--emit", "noise"], "noise"), (["--input-format", "mp3"], "mp3"), (["--channel", "0"], "--channel"),
        (["--channel", "left"], "left"), (["--top-k", "0"], "--top-k"), (["--every", "0"], "--every"),
        (["--rate", "8000"], "--rate 8000 contradicts"), (["--channels", "2"], "--channels 2 contradicts"),
        (["--channel", "2"], "no channel 2"), (["--allow", "dgo"], "\"dgo\""), (["--deny", "dgo"], "\"dgo\""),
        (["--class-threshold", "dgo=0.5"], "\"dgo\""), (["--class-threshold", "yes"], "yes"),
        (["--class-threshold", "yes=x"], "yes=x"), (["--threshold", "0"], "'0' is invalid for '--threshold"),
        (["--threshold", "1.5"], "expected a number above 0 and at most 1"), (["--threshold", "nan"], "'nan'"),
        (["--threshold", "0.3", "--threshold-off", "0.4"], "--threshold-off 0.4"),
        (["--min-duration-ms=-1"], "'-1' is invalid for '--min-duration-ms"), (["--pad-ms=-5"], "from 0 to 3600000 ms"),
        (["another", "one"], "another"),
        (["--log-level", "loud"], "loud"),
    ])
    func wrongArguments(arguments: [String], words: String) throws {
        let finished = try Program.run(["run", recording] + arguments)
        #expect(finished.status == 64, "\(finished.errors)")
        #expect(finished.errors.contains(words), "\(finished.errors)")
        #expect(finished.output == "")
    }

    @Test func wrongCommands() throws {
        let cases: [([String], String)] = [
            (["listen"], "listen"), (["classify"], "paths"), (["classify", recording, "--threads", "0"], "--threads"),
            (["models", "show"], "name"), (["features", recording, "--out", "x"], "--recipe"),
            (["features", recording, "--out", "x", "--recipe", "yamnet", "--model", "m"], "--recipe"),
            (["features", recording, "--out", "x", "--recipe", "mfcc"], "\"mfcc\""),
            (["encode", "--features", "x"], "--"), (["bench", "--window", "7"], "--window"),
            (["bench", "--attention", "linear"], "--attention"), (["bench", "--layers", "0"], "--layers"),
        ]
        for (arguments, words) in cases {
            let finished = try Program.run(arguments)
            #expect(finished.status == 64, "\(arguments): \(finished.errors)")
            #expect(finished.errors.contains(words), "\(arguments): \(finished.errors)")
        }
    }

    /// An impossible description of raw PCM is a usage error, not an error of the data.
    @Test func impossibleDescriptions() throws {
        let bytes = Sound.raw(Sound.samples(1000))
        for (arguments, words) in [
            (["--rate", "0"], "'0' is invalid for '--rate"), (["--rate", "1000000000"], "from 1000 to 768000 Hz"),
            (["--channels", "0"], "'0' is invalid for '--channels"), (["--channels", "257"], "from 1 to 256"),
            (["--channels", "2", "--channel", "3"], "no channel 3"),
        ] {
            let finished = try Program.run(["run", "-", "--input-format", "raw"] + arguments, input: bytes)
            #expect(finished.status == 64 && finished.errors.contains(words), "\(finished.errors)")
        }
    }

    @Test func unknownModel() throws {
        for command in [["run", recording, "--model"], ["classify", recording, "--model"], ["models", "show"]] {
            let finished = try Program.run(command + ["no-such-model"])
            #expect(finished.status == 78 && finished.output == "")
            #expect(finished.errors.contains("\"no-such-model\"") && finished.errors.contains(Program.model))
        }
        let folder = try Program.run(["run", recording, "--model", "\(folder.path)/"])
        #expect(folder.status == 78 && folder.errors.contains("config.json"))
    }

    /// Options that do not go with the input are answered with what does.
    @Test func unsuitableOptions() throws {
        let cases: [([String], Int32, String)] = [
            (["classify", "--files-from", "/dev/null"], 66, "/dev/null: the list names no file"),
            (["report", "results.jsonl", "--output", "x.html"], 64, "--archive makes their page"),
            (
                ["encode", "--model", "general", "--features", "a.npy", "--out", "b.npy", "--scores", "probabilities"],
                64, "an array (--out) has logits"
            ),
        ]
        for (arguments, status, words) in cases {
            let finished = try Program.run(arguments)
            #expect(finished.status == status && finished.errors.contains(words), "\(finished.errors)")
        }
    }

    /// A misspelt name is answered with the nearest ones.
    @Test func suggestions() throws {
        let cases: [([String], Int32, String)] = [
            ([recording], 64, "audio-classifierd classify \(recording)"),
            (["run", recording, "--model", "keyword-en"], 78, "did you mean \"keywords-en\""),
            (["features", recording, "--out", "x", "--recipe", "yamnett"], 64, "did you mean \"yamnet\""),
            (["serve", "--check", "--set", "limits.stream=5"], 78, "did you mean \"limits.streams\""),
        ]
        for (arguments, status, words) in cases {
            let finished = try Program.run(arguments)
            #expect(finished.status == status && finished.errors.contains(words), "\(finished.errors)")
        }
    }

    /// All missing arguments are named at once, and the help shows which ones are required.
    @Test func missingArguments() throws {
        let finished = try Program.run(["features"])
        for words in ["'<input>'", "'--out <out>'", "exactly one of --model, --recipe and --frontend"] {
            #expect(finished.status == 64 && finished.errors.contains(words), "\(finished.errors)")
        }
        #expect(
            try Program.run(["features", "--help"]).output.contains("features <input> --out <out> (--model <model>"))
    }

    /// A folder of models that is not there is named, and so are no models at all.
    @Test func noModels() throws {
        let missing = "\(folder.path)/none"
        let listed = try Program.run(["models", "list"], environment: ["AUDIO_CLASSIFIERD_MODELS": missing])
        #expect(
            listed.errors.contains("AUDIO_CLASSIFIERD_MODELS is \(missing), which is no folder"), "\(listed.errors)")
        // A copy of the program has no models beside it. The shell makes it: a program that this process had written
        // could still be open in a child that another test starts, and could not be run then.
        let script = "cd \"$1\" && cp \"$3\" program && exec ./program models \"$2\""
        for command in ["list", "verify"] {
            let child = try ChildProcess(
                ["-c", script, "sh", folder.path, command, Program.path],
                environment: ["AUDIO_CLASSIFIERD_MODELS": ""], program: "/bin/sh")
            let finished = try child.wait()
            guard !finished.output.contains("golden"), !finished.output.contains("labels") else { continue }
            #expect(finished.status == 78 && finished.errors.contains("no model is installed in"), "\(finished)")
        }
    }

    /// A file of options that cannot be read is named with the system's reason.
    @Test func missingFiles() throws {
        let path = "\(folder.path)/none"
        let state = try Program.run(["run", recording, "--state-in", path])
        #expect(state.status == 66 && state.errors.contains("\(path): the state cannot be read: No such file"))
        let endless = try Program.run(["run", recording, "--state-in", "/dev/zero"])
        #expect(endless.status == 66 && endless.errors.contains("/dev/zero: the state cannot be read: it has more"))
        let configuration = try Program.run(["serve", "--check", "--config", path])
        #expect(configuration.status == 78)
        #expect(configuration.errors.contains("\(path): the configuration cannot be read: No such file"))
    }

    @Test func levelsMayBeNegative() throws {
        let finished = try Program.run(["run", recording, "--emit", "events", "--min-dbfs", "-40"])
        #expect(finished.status == 0, "\(finished.errors)")
    }

    @Test func messagesForMachines() throws {
        let finished = try Program.run(["run", "\(folder.path)/none", "--log-format", "json"])
        #expect(finished.status == 66)
        let messages = Finished(status: 0, output: finished.errors, errors: "")
        let records = try messages.records("log")
        #expect(records.count == 1 && messages.lines.count == 1)
        #expect(records.first?["level"] == "error")
        #expect(records.first?["message"]?.string?.contains("\(folder.path)/none") == true)
        let talkative = try Program.run(["run", recording, "--log-level", "info"])
        #expect(talkative.errors.contains("listening to \(recording)"))
        let quiet = try Program.run(["run", recording])
        #expect(quiet.errors == "")
    }

    /// An instruction set that this machine does not have is refused, because another one would give other bits.
    @Test func unknownKernels() throws {
        let arguments = ["models", "list"]
        let unknown = try Program.run(arguments, environment: ["AUDIO_CLASSIFIERD_KERNELS": "mmx"])
        #expect(unknown.status == 78 && unknown.errors.contains("AUDIO_CLASSIFIERD_KERNELS is \"mmx\""))
        #expect(unknown.errors.contains("generic"))
        #expect(try Program.run(arguments, environment: ["AUDIO_CLASSIFIERD_KERNELS": "generic"]).status == 0)
    }
}
