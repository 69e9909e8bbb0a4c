internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc

/// The paths of a configuration: no file has two purposes.
extension ServeConfiguration {
    private struct NamedPath {
        let key: String
        let path: String
    }

    /// Endings of the names of the files that the service keeps in the folder of the states.
    private static let stateEndings = [".state", ".place", ".events", ".events.new"]

    /// Checks that what the service writes has a path of its own, however the paths are spelt.
    /// - Throws: ``ClassifierError`` `configuration` with both settings.
    func checkPaths() throws(ClassifierError) {
        let written = [
            events.file.map { NamedPath(key: "events.file.path", path: $0.path) }, Self.socket("http", listening.http),
            Self.socket("tcp", listening.tcp), Self.socket("unix", listening.unix),
        ].compactMap { $0 }
        var owners: [FileAccess.Identity: NamedPath] = [:]
        for read in readPaths { owners[FileAccess.identity(of: read.path)] = read }
        for own in written {
            // A device keeps nothing.
            guard FileAccess.kind(of: own.path) != S_IFCHR else { continue }
            if let folder = state.folder { try check(own, inFolderOfStates: folder) }
            for path in [own.path] + moved(own) {
                if let other = owners[FileAccess.identity(of: path)] { throw conflict(own, other, at: path) }
            }
            for path in [own.path] + moved(own) {
                owners[FileAccess.identity(of: path)] = NamedPath(key: own.key, path: path)
            }
        }
        if let file = events.file, events.standardOutput,
            FileAccess.identity(of: STDOUT_FILENO) == FileAccess.identity(of: file.path)
        {
            throw wrong(
                "events.file.path", file.path,
                "that is the standard output, where events.stdout writes the events already; use one of them")
        }
    }

    /// Files that the service reads.
    private var readPaths: [NamedPath] {
        let settings: [(String, String?)] = [
            ("tls.certificate", tls?.certificate), ("tls.key", tls?.key), ("access.token_file", access.tokenFile),
            ("events.webhook.ca_file", events.webHook?.authorities), ("events.mqtt.ca_file", events.mqtt?.authorities),
            ("events.mqtt.password_file", events.mqtt?.passwordFile), ("the configuration", file),
        ]
        let followed = sources.compactMap { source -> NamedPath? in
            guard case .file(let path, _) = source.origin else { return nil }
            return NamedPath(key: "the source \(source.name)", path: path)
        }
        return settings.compactMap { key, path in path.map { NamedPath(key: key, path: $0) } } + followed
    }

    private static func socket(_ key: String, _ address: ListenAddress?) -> NamedPath? {
        guard case .unix(let path)? = address else { return nil }
        return NamedPath(key: "listen.\(key)", path: path)
    }

    /// The paths of the old files of events.
    private func moved(_ own: NamedPath) -> [String] {
        guard own.key == "events.file.path", let file = events.file, file.keep > 0 else { return [] }
        return (1...file.keep).map { "\(file.path).\($0)" }
    }

    private func check(_ own: NamedPath, inFolderOfStates folder: String) throws(ClassifierError) {
        if isMadeForStates(own.path) {
            throw wrong(own.key, own.path, "state.folder makes a folder of it (\(folder)); choose another path")
        }
        let name = URL(filePath: own.path).lastPathComponent
        guard name.hasPrefix(".partial-") || Self.stateEndings.contains(where: name.hasSuffix),
            FileAccess.identity(of: FileAccess.folder(of: own.path)) == FileAccess.identity(of: folder)
        else { return }
        throw wrong(
            own.key, own.path,
            "in the folder of state.folder (\(folder)) the service keeps files of such names; choose another name")
    }

    private func conflict(_ own: NamedPath, _ other: NamedPath, at path: String) -> ClassifierError {
        let moved = path == own.path ? "" : ", where the service moves old events (\(path))"
        return wrong(
            own.key, own.path, "that is the file of \(other.key) (\(other.path))\(moved); choose another path")
    }
}
