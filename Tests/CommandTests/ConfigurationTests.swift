internal import TestSupport
internal import Testing

/// `--config` takes the model and the decisions of a configuration of `serve`.
@Suite struct ConfigurationTests {
    private let folder: TemporaryDirectory
    private let recording: String

    init() throws {
        folder = try TemporaryDirectory()
        recording = "\(folder.path)/a.wav"
        try folder.write(WaveFile(Sound.samples(20 * 16000)).bytes, to: "a.wav")
    }

    private func write(_ text: String) throws -> String {
        try folder.write(Array(text.utf8), to: "x.yaml")
        return "\(folder.path)/x.yaml"
    }

    /// The file is whole: it listens to the network with a token that this user cannot read.
    @Test(arguments: ["run", "classify"])
    func equalsOptions(command: String) throws {
        let file = try write(
            """
            model: keywords-en
            listen:
              http: "0.0.0.0:8080"
            access:
              token_file: /nonexistent/token
            streams:
              top_k: 7
              decision:
                threshold: 0.05
                threshold_off: 0.02
                class_thresholds: {"yes": 0.01, left: 0.9}
                deny: [right, "no"]
                min_duration_ms: 40
                pad_ms: 30
            """)
        let options = [
            "--model", "keywords-en", "--threshold", "0.05", "--threshold-off", "0.02", "--class-threshold", "yes=0.01",
            "--class-threshold", "left=0.9", "--deny", "right", "--deny", "no", "--min-duration-ms", "40", "--pad-ms",
            "30",
        ]
        let start = [command, recording, "--emit", "events"]
        let expected = try Program.run(start + options)
        #expect(expected.status == 0 && expected.lines("event").count > 1, "\(expected.output)")
        for words in [["--config", file], ["--config=\(file)"]] {
            let found = try Program.run(start + words)
            #expect(found.status == 0 && found.output == expected.output, "\(found.errors)")
        }
    }

    /// An option wins over a variable, a variable over the file.
    @Test func precedence() throws {
        let file = try write("streams:\n  decision:\n    threshold: 1\n    class_thresholds: {}\n")
        let start = ["classify", recording, "--model", "keywords-en", "--emit", "events", "--min-duration-ms", "40"]
        #expect(try Program.run(start + ["--config", file]).lines("event").isEmpty)
        let variable = ["AUDIO_CLASSIFIERD_THRESHOLD": "0.05"]
        let lively = try Program.run(start + ["--threshold", "0.05"])
        #expect(!lively.lines("event").isEmpty)
        #expect(try Program.run(start + ["--config", file], environment: variable).output == lively.output)
        let option = try Program.run(start + ["--config", file, "--threshold", "1"], environment: variable)
        #expect(option.lines("event").isEmpty)
    }

    @Test func wrongFiles() throws {
        let start = ["classify", recording, "--config"]
        let unknown = try Program.run(start + [try write("streams:\n  decisions:\n    threshold: 0.5\n")])
        #expect(unknown.status == 78 && unknown.errors.contains("x.yaml:2: unknown key \"streams.decisions\""))
        let wrong = try Program.run(start + [try write("streams:\n  decision:\n    threshold: 2\n")])
        #expect(wrong.status == 78 && wrong.errors.contains("x.yaml:3: streams.decision.threshold is \"2\""))
        let label = try Program.run(start + [try write("streams:\n  decision:\n    allow: [ys]\n")])
        #expect(label.status == 78 || label.status == 64, "\(label.errors)")
        #expect(label.errors.contains("ys") && label.errors.contains("x.yaml"), "\(label.errors)")
        let missing = try Program.run(start + ["\(folder.path)/none.yaml"])
        #expect(missing.status == 78 && missing.errors.contains("none.yaml: the configuration cannot be read"))
        let nothing = try Program.run(["classify", recording, "--config"])
        #expect(nothing.status == 64 && nothing.errors.contains("--config"))
    }
}
