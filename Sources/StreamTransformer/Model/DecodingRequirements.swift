extension KeyedDecodingContainer {
    /// The error that the value at `key` is not one that a model can have.
    func error(_ key: Key, _ message: String) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: message)
    }

    /// Throws an error at `key` unless `condition` holds.
    func require(_ condition: Bool, _ key: Key, _ message: String) throws {
        if !condition { throw error(key, message) }
    }
}

extension KeyedDecodingContainer where Key: Hashable {
    /// Throws an error at a key that the object's `kind` has no use for: it would be set in vain.
    func requireOnly(_ keys: Set<Key>, _ kind: String) throws {
        for key in allKeys where !keys.contains(key) {
            throw error(key, "the kind \"\(kind)\" has no such key")
        }
    }
}
