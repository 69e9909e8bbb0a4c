import AudioClassifier
import AudioFrontend
import Glibc
import Synchronization

/// The words of the command line. The parser takes text only, so the bytes of files' names are kept here.
enum ProgramArguments {
    /// Names outside UTF-8, by the text that the parser gets in place of them.
    private static let names = Mutex<[FileName: FileName]>([:])

    /// Returns the words after the program's name.
    static func read() -> [String] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { index in
            guard let word = unsafe CommandLine.unsafeArgv[index] else { return nil }
            return text(unsafe FileName(cString: word))
        }
    }

    /// Returns the text that represents a name among the arguments.
    private static func text(_ name: FileName) -> String {
        if !name.isText { names.withLock { $0[FileName(name.description)] = name } }
        return name.description
    }

    /// Returns the file that an argument names.
    static func file(_ argument: String) -> FileName {
        let name = FileName(argument)
        return names.withLock { $0[name] } ?? name
    }

    /// Returns the files that an argument names: itself, or those that it matches as a pattern in quotes.
    static func files(_ argument: String) -> [FileName] {
        let name = file(argument)
        let isPattern = argument.contains { "*?[".contains($0) }
        guard isPattern, !name.isStandardInput, !name.exists else { return [name] }
        var matches = unsafe glob_t()
        defer { unsafe globfree(&matches) }
        guard unsafe name.withCString({ unsafe glob($0, 0, nil, &matches) }) == 0 else { return [name] }
        return unsafe (0..<Int(matches.gl_pathc)).compactMap { index in
            unsafe matches.gl_pathv[index].map { unsafe FileName(cString: $0) }
        }
    }

    /// Refuses to wait for audio from the keyboard.
    /// - Throws: ``ClassifierError`` `usage` if the file is standard input, and this a terminal.
    static func refuseTerminal(_ file: FileName) throws(ClassifierError) {
        guard isatty(STDIN_FILENO) != 0, file.isStandardInput || file.isSameFile(as: "/dev/stdin") else { return }
        throw ClassifierError(
            .usage, code: "usage",
            "standard input is a terminal: pipe audio into it (arecord -q -t raw -f S16_LE -r 16000 "
                + "-c 1 | audio-classifierd run -) or name a file")
    }

    /// Returns an argument that is used as text.
    /// - Throws: ``ClassifierError`` `usage` if it is not UTF-8.
    static func text(_ argument: String?, of option: String) throws(ClassifierError) -> String? {
        guard let argument, names.withLock({ $0[FileName(argument)] }) != nil else { return argument }
        throw ClassifierError(.usage, code: "usage", "\(option) \(argument): this name must be UTF-8")
    }

    /// Puts `./` before names of files that begin with a dash, as a pattern of the shell inserts them.
    /// - Throws: ``ClassifierError`` `usage` for a word with one dash that is neither an option nor a file: the parser
    ///   would take its letters for options, and an h among them for a request for help.
    static func protectDashes(_ words: [String]) throws(ClassifierError) -> [String] {
        var result: [String] = []
        for (index, word) in words.enumerated() {
            let isOver = words[..<index].contains("--")
            let isLevel = index > 0 && words[index - 1] == DecisionSettings.minimumLevel.option
            guard word.hasPrefix("-"), word.count > 1, word != "--", word != "-h", !isOver, !isLevel else {
                result.append(word)
                continue
            }
            let name = file(word)
            let hasTwo = word.hasPrefix("--")
            if !hasTwo || word.contains("."), name.exists {
                result.append(text(FileName("./").appending(name)))
            } else if hasTwo {
                result.append(word)
            } else {
                throw ClassifierError(
                    .usage, code: "usage",
                    "\(word): there is no such option and no such file; --help lists the options, ./\(word) is a file")
            }
        }
        return result
    }
}
