internal import FoundationEssentials
internal import TestSupport
internal import Testing

/// The completions of bash, made by bash itself.
@Suite struct CompletionTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: "\(folder.path)/my recs", withIntermediateDirectories: true)
        for name in ["my recs/a b.wav", "my recs/c.wav", "serve.yaml", "serve.txt"] { try folder.write([1], to: name) }
    }

    /// Returns bash's completions of the last word of a command line.
    private func offers(_ words: String...) throws -> [String] {
        let script = """
            cd '\(folder.path)' && mkdir -p bin && ln -sf '\(Program.path)' bin/audio-classifierd
            export PATH="$PWD/bin:$PATH"
            source <(audio-classifierd --generate-completion-script bash)
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMPREPLY=()
            COMP_POINT=${#COMP_LINE}
            complete=($(complete -p audio-classifierd))
            function=$(complete -p audio-classifierd | sed 's/.*-F \\([^ ]*\\).*/\\1/')
            "$function" audio-classifierd "${@: -1}" "${@: -2:1}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let child = try ChildProcess(["-c", script, "bash", "audio-classifierd"] + words, program: "/bin/bash")
        let finished = try child.wait()
        #expect(finished.errors == "", "\(words)")
        return finished.lines.sorted()
    }

    @Test func filesAreCompleted() throws {
        #expect(try offers("classify", "my") == ["my recs"])
        #expect(try offers("run", "my recs/") == ["my recs/a b.wav", "my recs/c.wav"])
        #expect(try offers("classify", "my recs/c.wav", "my recs/a") == ["my recs/a b.wav"])
        #expect(try offers("serve", "--config", "ser") == ["serve.yaml"])
        #expect(try offers("features", "my recs/c.wav", "--out", "my") == ["my recs"])
    }

    @Test func modelsAndLabelsAreCompleted() throws {
        for words in [["run", "--model"], ["models", "show"], ["encode", "--model"]] {
            #expect(try offers(words[0], words[1], "keywords-e") == ["keywords-en"])
        }
        #expect(try offers("run", "--allow", "l") == ["left"], "of the model that the environment names")
        // A label with a comma, a blank and a quote.
        #expect(
            try offers("run", "--model", "general", "--deny", "Dental") == ["Dental drill, dentist's drill"])
    }

    @Test func wordsAreCompleted() throws {
        #expect(try offers("cl") == ["classify"])
        #expect(try offers("run", "--emit", "") == ["changes", "events", "frames", "summary"])
        #expect(try offers("serve", "--set", "limits.he") == ["limits.header_bytes="])
        #expect(try offers("features", "--recipe", "y") == ["yamnet"])
    }

    /// The scripts of zsh and fish ask for the completion of files.
    @Test(arguments: [("zsh", "_files"), ("fish", "---completion"), ("fish", "-rF"), ("zsh", "---completion")])
    func otherShellsCompleteFilesToo(shell: String, words: String) throws {
        let script = try Program.run(["--generate-completion-script", shell])
        #expect(script.status == 0 && script.output.contains(words), "\(words)")
    }
}
