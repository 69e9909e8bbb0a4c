internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc

extension ServeConfiguration {
    /// Checks that the service can make its files and folders where the configuration wants them.
    /// - Throws: ``ClassifierError`` `configuration` with the origin of the first setting that is wrong.
    func checkFiles() throws(ClassifierError) {
        if let folder = state.folder, let file = Self.fileInPlaceOfFolder(folder) {
            throw wrong("state.folder", folder, "\(file) is a file and no folder; choose another folder, or remove it")
        }
        for case (let key, let file?) in [
            ("events.webhook.ca_file", events.webHook?.authorities), ("events.mqtt.ca_file", events.mqtt?.authorities),
        ] where !Self.isRegularFile(file) {
            throw wrong(key, file, "that is no file that can be read")
        }
        guard let path = events.file?.path else { return }
        guard !path.hasSuffix("/"), !Self.isFolder(path) else {
            throw wrong("events.file.path", path, "that is a folder; add the name of a file, as in events.jsonl")
        }
        guard !Self.isPipe(path) else {
            throw wrong(
                "events.file.path", path,
                "that is a pipe, which would keep the service waiting for its reader; name a file, and follow it with "
                    + "tail -F")
        }
        let folder = Self.folder(of: path)
        guard Self.isFolder(folder) || isMadeForStates(folder) else {
            throw wrong("events.file.path", path, "there is no folder \(folder); make it")
        }
    }

    /// Whether the service makes the folder, as that of the states or one above it.
    private func isMadeForStates(_ folder: String) -> Bool {
        func whole(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path + "/" }
        return state.folder.map { whole($0).hasPrefix(whole(folder)) } ?? false
    }

    private func wrong(_ key: String, _ value: String, _ fault: String) -> ClassifierError {
        ConfigurationReader.wrong(origins[key] ?? key, "\(key) is \"\(value)\"; \(fault)")
    }

    /// Returns the part of a folder's path that exists and is no folder; nil if the folder exists or can be made.
    private static func fileInPlaceOfFolder(_ path: String) -> String? {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        while !FileManager.default.fileExists(atPath: path) {
            let parent = folder(of: path)
            guard parent != path else { return nil }
            path = parent
        }
        return isFolder(path) ? nil : path
    }

    private static func isPipe(_ path: String) -> Bool { kind(of: path) == S_IFIFO }

    private static func isRegularFile(_ path: String) -> Bool { kind(of: path) == S_IFREG }

    /// Returns the type of the file at the end of all links; nil if there is none.
    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    private static func folder(of path: String) -> String { URL(filePath: path).deletingLastPathComponent().path }
}
