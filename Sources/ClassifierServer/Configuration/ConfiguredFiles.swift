internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc

extension ServeConfiguration {
    /// Checks that the service can make its files and folders where the configuration wants them.
    /// - Throws: ``ClassifierError`` `configuration` with the origin of the first setting that is wrong.
    func checkFiles() throws(ClassifierError) {
        if let folder = state.folder, let file = fileInPlaceOfFolder(folder) {
            throw wrong("state.folder", folder, "\(file) is a file and no folder; choose another folder, or remove it")
        }
        for case (let key, let file?) in [
            ("events.webhook.ca_file", events.webHook?.authorities), ("events.mqtt.ca_file", events.mqtt?.authorities),
        ] where FileAccess.kind(of: file) != S_IFREG {
            throw wrong(key, file, "that is no file that can be read")
        }
        if let path = events.file?.path { try checkEventFile(path) }
        try checkPaths()
    }

    /// Checks that the file of events can exist. Its folder may come later, as that of a disk which is not there yet.
    private func checkEventFile(_ path: String) throws(ClassifierError) {
        guard !path.hasSuffix("/"), FileAccess.kind(of: path) != S_IFDIR else {
            throw wrong("events.file.path", path, "that is a folder; add the name of a file, as in events.jsonl")
        }
        guard FileAccess.kind(of: path) != S_IFIFO else {
            throw wrong(
                "events.file.path", path,
                "that is a pipe, which would keep the service waiting for its reader; name a file, and follow it with "
                    + "tail -F")
        }
        if let file = fileInPlaceOfFolder(FileAccess.folder(of: path)) {
            throw wrong("events.file.path", path, "\(file) is a file and no folder; choose another path, or remove it")
        }
    }

    /// Checks that the service may write now where the configuration wants it to, and start the sources' commands.
    /// - Throws: ``ClassifierError`` `configuration` with the origin of the first setting that is wrong.
    func checkAccess() throws(ClassifierError) {
        if let folder = state.folder, let fault = FileAccess.fault(ofMakingIn: FileAccess.existing(folder)) {
            throw wrong("state.folder", folder, fault)
        }
        if let path = events.file?.path, !willBeMadeForStates(FileAccess.folder(of: path)),
            let fault = FileAccess.fault(ofAppendingTo: path)
        {
            throw wrong("events.file.path", path, fault)
        }
        for (key, address) in [("http", listening.http), ("tcp", listening.tcp), ("unix", listening.unix)] {
            guard case .unix(let path)? = address, case let folder = FileAccess.folder(of: path),
                !willBeMadeForStates(folder), let fault = FileAccess.fault(ofMakingIn: folder)
            else { continue }
            throw wrong("listen.\(key)", "\(address ?? .unix(path: path))", fault)
        }
        for source in sources {
            guard case .command(let words) = source.origin, let fault = FileAccess.fault(ofStarting: words.first ?? "")
            else { continue }
            throw ConfigurationReader.wrong("the source \"\(source.name)\"", fault)
        }
    }

    private func willBeMadeForStates(_ folder: String) -> Bool {
        FileAccess.kind(of: folder) == nil && isMadeForStates(folder)
    }

    /// Whether the service makes the folder, as that of the states or one above it.
    func isMadeForStates(_ folder: String) -> Bool {
        func whole(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path + "/" }
        return state.folder.map { whole($0).hasPrefix(whole(folder)) } ?? false
    }

    func wrong(_ key: String, _ value: String, _ fault: String) -> ClassifierError {
        ConfigurationReader.wrong(origins[key] ?? key, "\(key) is \"\(value)\"; \(fault)")
    }

    /// Returns the part of a folder's path that exists and is no folder; nil if the folder exists or can be made.
    private func fileInPlaceOfFolder(_ path: String) -> String? {
        let existing = FileAccess.existing(path)
        return FileAccess.kind(of: existing).map { $0 != S_IFDIR } == true ? existing : nil
    }
}
