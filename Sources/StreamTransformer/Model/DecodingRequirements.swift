extension KeyedDecodingContainer {
    /// Returns the error that the value at `key` is impossible in a model.
    func error(_ key: Key, _ message: String) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: message)
    }

    /// Throws an error at `key` unless `condition` holds.
    func require(_ condition: Bool, _ key: Key, _ message: String) throws {
        if !condition { throw error(key, message) }
    }
}

extension KeyedDecodingContainer where Key: Hashable {
    /// Throws an error at a key that an object of this `kind` does not use.
    func requireOnly(_ keys: Set<Key>, _ kind: String) throws {
        for key in allKeys where !keys.contains(key) {
            throw error(key, "the kind \"\(kind)\" has no such key")
        }
    }
}
