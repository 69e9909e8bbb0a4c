internal import FoundationEssentials

/// Where the built program and its models are.
enum Program {
    /// Beside the test bundle: the running program, or the first argument of a runner that has loaded it.
    static let path: String = {
        let running = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundles = [running, CommandLine.arguments.first].compactMap { $0 }
        let programs = bundles.map { bundle in
            bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
                + "/audio-classifierd"
        }
        return programs.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "audio-classifierd"
    }()

    /// The package's models, found from this file's place in the package.
    static let models: String = {
        let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        return package.joined(separator: "/") + "/models"
    }()

    /// What the tests listen with where they name no model: small, and what it hears in a human voice is known.
    static let model = "keywords-en"

    /// Runs the program to its end.
    /// - Parameter input: what is in the pipe that is its standard input; nil for none.
    static func run(
        _ arguments: [String], input: [UInt8]? = nil, piece: Int? = nil, environment: [String: String] = [:]
    ) throws -> Finished {
        let child = try ChildProcess(arguments, input: input == nil ? .nothing : .pipe, environment: environment)
        if let input {
            try child.write(input, piece: piece)
            child.closeInput()
        }
        return try child.wait()
    }
}
