package import AudioClassifier
internal import FoundationEssentials

/// The audio files that a command line names: files as they are, folders as what lies below them.
package enum AudioPaths {
    /// Endings of files that a folder is searched for; a file named by itself may have any.
    package static let extensions: Set<String> = [
        "wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf", "w64", "rf64",
        "voc",
    ]

    /// Every audio file below `folder`, by its path relative to it, sorted.
    package static func files(below folder: String) throws(ClassifierError) -> [String] {
        let paths: [String]
        do { paths = try FileManager.default.subpathsOfDirectory(atPath: folder) } catch {
            throw ClassifierError(.noInput, code: "not_found", "\(folder): the folder cannot be read")
        }
        return paths.filter { path in
            let name = path.split(separator: "/").last ?? ""
            let ending = name.split(separator: ".", omittingEmptySubsequences: false).last.map { $0.lowercased() } ?? ""
            return name.contains(".") && !name.hasPrefix(".") && extensions.contains(ending)
        }.sorted()
    }

    package static func isFolder(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }
}
