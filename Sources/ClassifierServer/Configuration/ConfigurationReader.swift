internal import AudioClassifier
internal import FoundationEssentials
internal import StrictCoding
internal import Yams

/// A reader of settings from flags, environment, a YAML file and defaults, in this order of precedence. It records
/// every key that was read: any other key in the file is an error, and the recorded values are the effective
/// configuration.
final class ConfigurationReader {
    /// A setting that has been read, for `--print-config`.
    struct Entry {
        let depth: Int
        let key: String
        /// Nil for a section.
        let value: String?
        let origin: String
    }

    private let file: String
    private var flags: [String: String]
    /// Options with names of their own, by path.
    private let options: [String: String]
    private let environment: [String: String]
    private(set) var entries: [Entry] = []
    /// Paths of all settings that were asked for.
    private var paths: Set<String> = []

    /// - Parameters:
    ///   - flags: values by path, as `listen.http`.
    ///   - options: the options of those flags that are not given by `--set`, by path.
    ///   - environment: all variables; those with the prefix are settings.
    init(file: String, flags: [String: String], options: [String: String], environment: [String: String]) {
        self.file = file
        self.flags = flags
        self.options = options
        self.environment = environment
    }

    /// Reads the whole configuration.
    /// - Parameter yaml: the file's text; nil without a file.
    func read<Result>(
        _ yaml: String?, _ body: (inout ConfigurationSection) throws(ClassifierError) -> Result
    ) throws(ClassifierError) -> Result {
        var section = ConfigurationSection(self, path: "", node: try yaml.flatMap(compose), depth: 0)
        let result = try body(&section)
        try section.refuseOthers()
        if let flag = flags.keys.sorted().first {
            throw Self.wrong(
                "--set \(flag)",
                "there is no such setting\(Spelling.question(flag, in: paths)); configs/serve.yaml shows them all")
        }
        return result
    }

    static func wrong(_ origin: String, _ message: String) -> ClassifierError {
        ClassifierError(.configuration, code: "configuration", "\(origin): \(message)")
    }

    func origin(_ node: Node?) -> String { "\(file):\(node?.mark?.line ?? 1)" }

    /// Returns the value of a flag, which it removes, or of the environment for a path.
    func override(_ path: String) -> (text: String, origin: String)? {
        paths.insert(path)
        let variable = SettingVariable.name(path)
        if let text = flags.removeValue(forKey: path) { return (text, options[path] ?? "--set \(path)") }
        return environment[variable].map { ($0, variable) }
    }

    func record(_ key: String, _ value: String?, depth: Int, origin: String) {
        entries.append(Entry(depth: depth, key: key, value: value, origin: origin))
    }

    func compose(_ yaml: String) throws(ClassifierError) -> Node? {
        do { return try Yams.compose(yaml: yaml) } catch let error as YamlError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                throw Self.wrong("\(file):\(mark.line)", "\(problem); this is not YAML")
            case .duplicatedKeysInMapping(let duplicates, let context):
                throw Self.wrong(
                    "\(file):\(context.mark.line)", "\(duplicates.joined(separator: ", ")) is there twice")
            default: throw Self.wrong(file, "\(error)")
            }
        } catch { throw Self.wrong(file, "\(error)") }
    }
}
