internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import Testing

/// The built program and its models.
enum Program {
    /// The program, in the folder of the test bundle. The bundle is the running program, or the first argument of its
    /// runner.
    static let path: String = {
        let running = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let bundles = [running, CommandLine.arguments.first].compactMap { $0 }
        let programs = bundles.map { bundle in
            bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
                + "/audio-classifierd"
        }
        return programs.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "audio-classifierd"
    }()

    /// The folder of the package's models, found from this file's path.
    static let models: String = {
        let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4)
        return package.joined(separator: "/") + "/models"
    }()

    /// The tests' default model: small, and with known events in recordings of a human voice.
    static let model = "keywords-en"

    /// Returns a shipped model's usual delay, in seconds, as its configuration has it.
    static func onsetDelay(of model: String) throws -> Double {
        let data = try Data(contentsOf: URL(filePath: "\(models)/\(model)/config.json"))
        let configuration = try JSONDecoder().decode(JSONValue.self, from: data)
        return try #require(configuration["decision"]?["onset_delay_ms"]?.number) / 1000
    }

    /// Runs the program to its end without the capabilities by which root may open every file and folder.
    static func runWithoutOverrides(_ arguments: [String]) throws -> Finished {
        guard geteuid() == 0 else { return try run(arguments) }
        let overrides = "-dac_override,-dac_read_search"
        return try ChildProcess(
            ["--bounding-set", overrides, "--inh-caps", overrides, path] + arguments, program: "/usr/bin/setpriv"
        ).wait()
    }

    /// Runs the program to its end.
    /// - Parameter input: the content of a pipe as standard input; nil for none.
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
