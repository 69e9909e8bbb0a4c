extension ServeConfiguration {
    /// Settings whose values differ from those of another configuration, by path: `listen.http`.
    func changes(since other: ServeConfiguration) -> [String] {
        var keys = Set(values.keys.filter { other.values[$0] != values[$0] })
        keys.formUnion(other.values.keys.filter { values[$0] == nil })
        // Printed values hide secrets.
        if access.token != other.access.token { keys.insert("access.token") }
        return keys.sorted()
    }

    /// Returns the origins of all values that are set, by path; a list's items are numbered: `sources[0].name`.
    static func origins(_ entries: [ConfigurationReader.Entry]) -> [String: String] {
        var path: [String] = []
        var items: [Int: Int] = [:]
        var origins: [String: String] = [:]
        for entry in entries {
            path.removeLast(max(0, path.count - entry.depth))
            items = items.filter { $0.key <= entry.depth }
            if entry.key == "-" {
                items[entry.depth, default: -1] += 1
                path.append("[\(items[entry.depth] ?? 0)]")
            } else {
                path.append(entry.key)
            }
            if entry.value != nil, entry.origin != "default" {
                origins[path.joined(separator: ".").split(separator: ".[").joined(separator: "[")] = entry.origin
            }
        }
        return origins
    }

    /// Printed values by path.
    static func values(_ entries: [ConfigurationReader.Entry]) -> [String: String] {
        var path: [String] = []
        var values: [String: String] = [:]
        for entry in entries {
            path.removeLast(max(0, path.count - entry.depth))
            path.append(entry.key)
            if let value = entry.value { values[path.joined(separator: ".")] = value }
        }
        return values
    }
}
