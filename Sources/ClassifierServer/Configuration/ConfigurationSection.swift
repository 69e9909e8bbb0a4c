internal import AudioClassifier
internal import Yams

/// A section of the configuration. Its settings are read by name and checked; all other keys are refused.
struct ConfigurationSection {
    private let reader: ConfigurationReader
    /// Path of the section and a dot; empty at the top.
    private let path: String
    private let mapping: Node.Mapping?
    private let isMapping: Bool
    private let depth: Int
    private let origin: String
    private var known: [String] = []
    /// The origins of the section's own settings, by key.
    private var origins: [String: String] = [:]
    /// Whether flags and variables apply; false in items of lists.
    private let isOverridable: Bool
    /// The flag or variable whose text holds the section; nil for the file.
    private let source: String?

    init(
        _ reader: ConfigurationReader, path: String, node: Node?, depth: Int, isOverridable: Bool = true,
        source: String? = nil
    ) {
        self.reader = reader
        self.path = path
        self.depth = depth
        self.isOverridable = isOverridable
        mapping = node?.mapping
        isMapping = node?.mapping != nil || node?.isNull ?? true
        self.source = source
        origin = source ?? reader.origin(node)
    }

    /// Returns the origin of the first of these settings that is set, or else that of the section.
    func position(of keys: String...) -> String { keys.lazy.compactMap { origins[$0] }.first ?? origin }

    func refuseOthers() throws(ClassifierError) {
        guard isMapping else {
            let name = path.isEmpty ? "" : "\(path.dropLast()): "
            throw ConfigurationReader.wrong(origin, "\(name)expected settings, as \"key: value\"")
        }
        for (key, _) in Self.entries(mapping) {
            let name = key.scalar?.string ?? "?"
            guard !known.contains(name) else { continue }
            throw ConfigurationReader.wrong(
                position(of: key),
                "unknown key \"\(path)\(name)\"\(Spelling.question(name, in: known)); known keys are "
                    + "\(known.sorted().joined(separator: ", "))"
            )
        }
    }

    /// Returns whether the file has the key of a section, which is known from then on.
    mutating func contains(_ key: String) -> Bool {
        known.append(key)
        return mapping?[key] != nil
    }

    /// Reads a section within this one.
    mutating func section<Result>(
        _ key: String, _ body: (inout ConfigurationSection) throws(ClassifierError) -> Result
    ) throws(ClassifierError) -> Result {
        if !known.contains(key) { known.append(key) }
        reader.record(key, nil, depth: depth, origin: "")
        var inner = ConfigurationSection(
            reader, path: "\(path)\(key).", node: mapping?[key], depth: depth + 1, isOverridable: isOverridable,
            source: source)
        let result = try body(&inner)
        try inner.refuseOthers()
        return result
    }

    /// Reads a list of sections. Flags and variables hold it as a text in YAML.
    mutating func sections<Result>(
        _ key: String, _ body: (inout ConfigurationSection) throws(ClassifierError) -> Result
    ) throws(ClassifierError) -> [Result] {
        known.append(key)
        var (node, source) = (mapping?[key], source)
        if isOverridable, let override = reader.override(path + key) {
            (node, source) = (try reader.compose(override.text), override.origin)
        }
        guard let node, !node.isNull else {
            reader.record(key, "[]", depth: depth, origin: source ?? "default")
            return []
        }
        let origin = source ?? reader.origin(node)
        guard let items = node.sequence else {
            throw ConfigurationReader.wrong(origin, "\(path)\(key): expected a list")
        }
        reader.record(
            key, items.isEmpty ? "[]" : nil, depth: depth, origin: items.isEmpty ? origin : "")
        var results: [Result] = []
        for item in items {
            reader.record("-", nil, depth: depth + 1, origin: "")
            var inner = ConfigurationSection(
                reader, path: "\(path)\(key).", node: item, depth: depth + 2, isOverridable: false,
                source: source)
            results.append(try body(&inner))
            try inner.refuseOthers()
        }
        return results
    }

    /// Reads a setting with a default.
    /// - Parameter fallback: a default in place of the setting's own.
    mutating func value<Value>(_ setting: Setting<Value>, default fallback: Value? = nil) throws(ClassifierError)
        -> Value
    {
        if let value = try parsed(setting, mayBeEmpty: false) { return value }
        guard let value = fallback ?? setting.fallback else { preconditionFailure("\(setting.name) has no default") }
        reader.record(setting.name, setting.kind.show(value), depth: depth, origin: "default")
        return value
    }

    /// Reads a setting that may be empty.
    mutating func optional<Value>(_ setting: Setting<Value>) throws(ClassifierError) -> Value? {
        if let value = try parsed(setting, mayBeEmpty: true) { return value }
        reader.record(setting.name, "null", depth: depth, origin: "default")
        return nil
    }

    /// Reads several values: a list in the file, a text of ``SettingList`` elsewhere.
    mutating func list<Value>(_ setting: Setting<Value>) throws(ClassifierError) -> [Value] {
        let key = setting.configurationKey
        known.append(key)
        var (texts, origin): ([String], String) = ([], "default")
        if let override = isOverridable ? reader.override(path + key) : nil {
            guard let elements = SettingList.elements(override.text) else {
                throw wrong(override.origin, key, override.text, "a list: A,B or [\"A\", \"B\"]")
            }
            (texts, origin) = (elements, override.origin)
        } else if let node = mapping?[key], !node.isNull {
            guard let items = node.sequence, items.allSatisfy({ $0.scalar != nil }) else {
                throw ConfigurationReader.wrong(
                    position(of: node), "\(path)\(key): expected a list of words, as [a, b]")
            }
            (texts, origin) = (items.compactMap { $0.scalar?.string }, position(of: node))
        }
        var values: [Value] = []
        for text in texts {
            guard !text.utf8.contains(0) else { throw zeroByte(origin, key) }
            guard let value = setting.kind.parse(text) else { throw wrong(origin, key, text, setting.expected) }
            values.append(value)
        }
        let shown = values.map(setting.kind.show).joined(separator: ", ")
        reader.record(key, "[\(shown)]", depth: depth, origin: origin)
        return values
    }

    /// Reads thresholds by label: `{yes: 0.8}` in the file, `yes=0.8,no=0.5` elsewhere.
    mutating func thresholds(_ setting: Setting<ClassThreshold>) throws(ClassifierError) -> [String: Double] {
        let key = setting.configurationKey
        known.append(key)
        var (texts, origin): ([String], String) = ([], "default")
        if let override = isOverridable ? reader.override(path + key) : nil {
            texts = SettingList.elements(override.text) ?? [override.text]
            origin = override.origin
        } else if let node = mapping?[key], !node.isNull {
            guard node.mapping != nil else {
                throw ConfigurationReader.wrong(position(of: node), "\(path)\(key): expected numbers by name")
            }
            texts = Self.entries(node.mapping).map { "\($0.key.scalar?.string ?? "")=\($0.value.scalar?.string ?? "")" }
            origin = position(of: node)
        }
        var result: [String: Double] = [:]
        for text in texts {
            guard let value = setting.kind.parse(text) else { throw wrong(origin, key, text, setting.expected) }
            result[value.label] = value.threshold
        }
        let shown = result.sorted { $0.key < $1.key }.map {
            setting.kind.show(ClassThreshold(label: $0.key, threshold: $0.value))
        }
        reader.record(key, "{\(shown.joined(separator: ", "))}", depth: depth, origin: origin)
        return result
    }

    /// Reads the value of a setting; nil if it is not set.
    /// - Parameter mayBeEmpty: whether an empty text means nil.
    private mutating func parsed<Value>(_ setting: Setting<Value>, mayBeEmpty: Bool) throws(ClassifierError) -> Value? {
        let key = setting.configurationKey
        known.append(key)
        guard let found = try text(key) else { return nil }
        origins[key] = found.origin
        if mayBeEmpty && found.text.isEmpty { return nil }
        guard !found.text.utf8.contains(0) else { throw zeroByte(found.origin, key) }
        guard let value = setting.kind.parse(found.text) else {
            throw wrong(found.origin, key, setting.isSecret ? "(secret)" : found.text, setting.expected)
        }
        let shown = setting.isSecret ? "\"(set)\"" : setting.kind.show(value)
        reader.record(key, shown, depth: depth, origin: found.origin)
        return value
    }

    private func wrong(_ origin: String, _ key: String, _ text: String, _ expected: String) -> ClassifierError {
        ConfigurationReader.wrong(origin, "\(path)\(key) is \"\(text)\"; expected \(expected)")
    }

    /// The error of a text that would end at its zero byte in the system's calls.
    private func zeroByte(_ origin: String, _ key: String) -> ClassifierError {
        ConfigurationReader.wrong(origin, "\(path)\(key) has a zero byte; remove it")
    }

    private func position(of node: Node?) -> String { source ?? reader.origin(node) }

    private func text(_ key: String) throws(ClassifierError) -> (text: String, origin: String)? {
        if isOverridable, let override = reader.override(path + key) { return override }
        guard let node = mapping?[key], !node.isNull else { return nil }
        guard let scalar = node.scalar else {
            throw ConfigurationReader.wrong(position(of: node), "\(path)\(key): expected one value")
        }
        return (scalar.string, position(of: node))
    }

    private static func entries(_ mapping: Node.Mapping?) -> [(key: Node, value: Node)] {
        mapping.map { Array($0) } ?? []
    }
}

extension Node {
    /// Whether the key has no value, as in `tcp:`.
    fileprivate var isNull: Bool {
        guard let scalar else { return false }
        return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
    }
}
