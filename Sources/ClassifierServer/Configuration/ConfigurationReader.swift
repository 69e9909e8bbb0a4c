internal import AudioClassifier
internal import FoundationEssentials
internal import StrictCoding
internal import Yams

/// Settings from flags, environment, a YAML file and defaults, in this order of precedence. It remembers what it was
/// asked for: any other key in the file is an error, and what it found is the effective configuration.
final class ConfigurationReader {
    /// A setting that has been read: what `--print-config` shows.
    struct Entry {
        let depth: Int
        let key: String
        /// Nil for a section.
        let value: String?
        let origin: String
    }

    static let prefix = "AUDIO_CLASSIFIERD_"
    /// Variables with this prefix that are no settings of `serve`.
    private static let otherVariables: Set<String> = ["AUDIO_CLASSIFIERD_MODELS", "AUDIO_CLASSIFIERD_KERNELS"]

    private let file: String
    private var flags: [String: String]
    private var environment: [String: String]
    private(set) var entries: [Entry] = []

    /// - Parameters:
    ///   - flags: values by path, as `listen.http`.
    ///   - environment: all variables; those with the prefix are settings.
    init(file: String, flags: [String: String], environment: [String: String]) {
        self.file = file
        self.flags = flags
        self.environment = environment.filter {
            $0.key.hasPrefix(Self.prefix) && !Self.otherVariables.contains($0.key)
        }
    }

    /// Reads the whole configuration.
    /// - Parameter yaml: the file's text; nil where there is no file.
    func read<Result>(
        _ yaml: String?, _ body: (inout ConfigurationSection) throws(ClassifierError) -> Result
    ) throws(ClassifierError) -> Result {
        var section = ConfigurationSection(self, path: "", node: try yaml.flatMap(compose), depth: 0)
        let result = try body(&section)
        try section.refuseOthers()
        if let flag = flags.keys.sorted().first {
            throw Self.wrong("--set \(flag)", "there is no such setting; configs/serve.yaml shows them all")
        }
        return result
    }

    /// Variables with the prefix that are no setting, perhaps misspelt.
    var unusedVariables: [String] { environment.keys.sorted() }

    static func wrong(_ origin: String, _ message: String) -> ClassifierError {
        ClassifierError(.configuration, code: "configuration", "\(origin): \(message)")
    }

    func origin(_ node: Node?) -> String { "\(file):\(node?.mark?.line ?? 1)" }

    /// A flag's or the environment's value for a path.
    func override(_ path: String) -> (text: String, origin: String)? {
        let variable = Self.prefix + path.uppercased().split(separator: ".").joined(separator: "_")
        let fromEnvironment = environment.removeValue(forKey: variable)
        if let text = flags.removeValue(forKey: path) { return (text, "--set \(path)") }
        return fromEnvironment.map { ($0, variable) }
    }

    func record(_ key: String, _ value: String?, depth: Int, origin: String) {
        entries.append(Entry(depth: depth, key: key, value: value, origin: origin))
    }

    private func compose(_ yaml: String) throws(ClassifierError) -> Node? {
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

/// A section of the configuration: its settings are read by name and checked, and what was not asked for is refused.
struct ConfigurationSection {
    private let reader: ConfigurationReader
    /// Of the section, with a dot behind; empty at the top.
    private let path: String
    private let mapping: Node.Mapping?
    private let isMapping: Bool
    private let depth: Int
    private let origin: String
    private var known: [String] = []
    /// Items of lists are not reached by flags and variables.
    private let isOverridable: Bool

    init(_ reader: ConfigurationReader, path: String, node: Node?, depth: Int, isOverridable: Bool = true) {
        self.reader = reader
        self.path = path
        self.depth = depth
        self.isOverridable = isOverridable
        mapping = node?.mapping
        isMapping = node?.mapping != nil || node?.isNull ?? true
        origin = reader.origin(node)
    }

    /// Where this section is, for messages about several of its settings.
    var place: String { origin }

    func refuseOthers() throws(ClassifierError) {
        guard isMapping else { throw ConfigurationReader.wrong(origin, "expected settings, as \"key: value\"") }
        for (key, _) in Self.entries(mapping) {
            let name = key.scalar?.string ?? "?"
            guard !known.contains(name) else { continue }
            throw ConfigurationReader.wrong(
                reader.origin(key),
                "unknown key \"\(path)\(name)\"; known keys are \(known.sorted().joined(separator: ", "))")
        }
    }

    /// Whether the file has something for this key; whoever asks reads it, then.
    func contains(_ key: String) -> Bool { mapping?[key] != nil }

    /// A section within this one.
    mutating func section<Result>(
        _ key: String, _ body: (inout ConfigurationSection) throws(ClassifierError) -> Result
    ) throws(ClassifierError) -> Result {
        known.append(key)
        reader.record(key, nil, depth: depth, origin: "")
        var inner = ConfigurationSection(
            reader, path: "\(path)\(key).", node: mapping?[key], depth: depth + 1, isOverridable: isOverridable)
        let result = try body(&inner)
        try inner.refuseOthers()
        return result
    }

    /// A list of sections.
    mutating func list<Result>(
        _ key: String, _ body: (inout ConfigurationSection) throws(ClassifierError) -> Result
    ) throws(ClassifierError) -> [Result] {
        known.append(key)
        guard let node = mapping?[key], !node.isNull else {
            reader.record(key, "[]", depth: depth, origin: "default")
            return []
        }
        guard let items = node.sequence else {
            throw ConfigurationReader.wrong(reader.origin(node), "\(path)\(key): expected a list")
        }
        reader.record(
            key, items.isEmpty ? "[]" : nil, depth: depth, origin: items.isEmpty ? reader.origin(node) : "")
        var results: [Result] = []
        for item in items {
            reader.record("-", nil, depth: depth + 1, origin: "")
            var inner = ConfigurationSection(
                reader, path: "\(path)\(key).", node: item, depth: depth + 2, isOverridable: false)
            results.append(try body(&inner))
            try inner.refuseOthers()
        }
        return results
    }

    /// A setting of any kind.
    /// - Parameters:
    ///   - expected: what it should be, in words.
    ///   - show: how it is printed.
    ///   - parse: nil where the text is not what it should be.
    mutating func value<Value>(
        _ key: String, default fallback: Value, expected: String, show: (Value) -> String,
        parse: (String) -> Value?
    ) throws(ClassifierError) -> Value {
        known.append(key)
        guard let found = try text(key) else {
            reader.record(key, show(fallback), depth: depth, origin: "default")
            return fallback
        }
        guard let value = parse(found.text) else {
            throw ConfigurationReader.wrong(
                found.origin, "\(path)\(key) is \"\(found.text)\"; expected \(expected)")
        }
        reader.record(key, show(value), depth: depth, origin: found.origin)
        return value
    }

    /// Words, as a list in the file or with commas between them elsewhere.
    mutating func words(_ key: String, default fallback: [String] = []) throws(ClassifierError) -> [String] {
        known.append(key)
        let override = isOverridable ? reader.override(path + key) : nil
        let result: [String]
        let origin: String
        if let override {
            result = override.text.split(separator: ",").map { String($0) }
            origin = override.origin
        } else if let node = mapping?[key], !node.isNull {
            guard let items = node.sequence, items.allSatisfy({ $0.scalar != nil }) else {
                throw ConfigurationReader.wrong(reader.origin(node), "\(path)\(key): expected a list of words")
            }
            result = items.compactMap { $0.scalar?.string }
            origin = reader.origin(node)
        } else {
            (result, origin) = (fallback, "default")
        }
        reader.record(
            key, "[\(result.map(Self.quoted).joined(separator: ", "))]", depth: depth, origin: origin)
        return result
    }

    /// Numbers by name, as `thresholds: {yes: 0.8}`.
    mutating func numbers(_ key: String) throws(ClassifierError) -> [String: Double] {
        known.append(key)
        guard let node = mapping?[key], !node.isNull else {
            reader.record(key, "{}", depth: depth, origin: "default")
            return [:]
        }
        var result: [String: Double] = [:]
        for (name, value) in Self.entries(node.mapping) {
            guard let name = name.scalar?.string, let number = value.scalar.flatMap({ Double($0.string) }) else {
                throw ConfigurationReader.wrong(reader.origin(value), "\(path)\(key): expected a number for a name")
            }
            result[name] = number
        }
        guard node.mapping != nil else {
            throw ConfigurationReader.wrong(reader.origin(node), "\(path)\(key): expected numbers by name")
        }
        let shown = result.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)): \($0.value)" }
        reader.record(key, "{\(shown.joined(separator: ", "))}", depth: depth, origin: reader.origin(node))
        return result
    }

    private func text(_ key: String) throws(ClassifierError) -> (text: String, origin: String)? {
        if isOverridable, let override = reader.override(path + key) { return override }
        guard let node = mapping?[key], !node.isNull else { return nil }
        guard let scalar = node.scalar else {
            throw ConfigurationReader.wrong(reader.origin(node), "\(path)\(key): expected one value")
        }
        return (scalar.string, reader.origin(node))
    }

    private static func entries(_ mapping: Node.Mapping?) -> [(key: Node, value: Node)] {
        mapping.map { Array($0) } ?? []
    }

    static func quoted(_ text: String) -> String { JSONWriter.quoted(text) }
}

extension Node {
    /// Nothing behind the key, as in `tcp:`.
    fileprivate var isNull: Bool {
        guard let scalar else { return false }
        return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
    }
}
