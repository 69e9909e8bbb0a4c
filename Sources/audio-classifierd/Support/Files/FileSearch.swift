package import AudioClassifier
package import AudioFrontend
internal import Glibc

/// The audio files that a command line names: files themselves, and all audio files below folders.
package struct FileSearch: Sendable {
    /// Endings of the files that are taken from a folder. A file named by itself may have any ending.
    package static let endings: Set<String> = [
        "wav", "wave", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "snd", "caf", "w64", "rf64",
        "voc",
    ]
    /// Endings of audio formats that libsndfile does not read.
    package static let foreignEndings: Set<String> = [
        "3gp", "aac", "ac3", "amr", "ape", "dsf", "dts", "m4a", "m4b", "mka", "mkv", "mov", "mp4", "mpc", "tta", "webm",
        "wma", "wv",
    ]

    /// The found files in the order of the arguments, those of a folder sorted by their bytes.
    package private(set) var files: [FileName] = []
    /// Errors of unreadable folders.
    package private(set) var failures: [ClassifierError] = []
    /// Files that were left out because of their endings.
    package private(set) var foreign: [FileName] = []

    package init() {}

    /// Adds a file, or the audio files below a folder. Links to folders within it are not followed.
    package mutating func add(_ name: FileName) {
        guard name.isFolder else {
            files.append(name)
            return
        }
        add(below: name)
    }

    /// Adds the audio files below a folder.
    package mutating func add(below folder: FileName) {
        var found = FileSearch()
        found.visit(folder)
        files += found.files.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        foreign += found.foreign
        failures += found.failures
    }

    /// A sentence on the files that were left out; nil if there are none.
    package var warning: String? {
        guard let first = foreign.first else { return nil }
        let endings = Set(foreign.compactMap(Self.ending)).sorted().joined(separator: ", ")
        return
            "\(foreign.count) files were left out (\(endings); the first is \(first)): libsndfile does "
            + "not read them; convert them, as with: ffmpeg -i \(first) \(first).wav"
    }

    private mutating func visit(_ folder: FileName) {
        guard let stream = unsafe folder.withCString({ unsafe opendir($0) }) else {
            failures.append(
                ClassifierError(
                    .noInput, code: "not_found",
                    "\(folder): the folder cannot be read: \(unsafe String(cString: strerror(errno)))"))
            return
        }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            guard bytes != Array(".".utf8), bytes != Array("..".utf8) else { continue }
            visit(entry: folder.appending(FileName(bytes: bytes)), isHidden: bytes.first == UInt8(ascii: "."))
        }
    }

    private mutating func visit(entry: FileName, isHidden: Bool) {
        var status = stat()
        guard unsafe entry.withCString({ unsafe lstat($0, &status) }) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR { return visit(entry) }
        guard !isHidden, let ending = Self.ending(entry) else { return }
        // A broken link stays, so that it is reported as a file that cannot be opened.
        if let target = entry.status, target.st_mode & S_IFMT != S_IFREG { return }
        if Self.endings.contains(ending) { files.append(entry) }
        if Self.foreignEndings.contains(ending) { foreign.append(entry) }
    }

    /// The part of a file's name after its last dot, in lower case.
    private static func ending(_ name: FileName) -> String? {
        let entry = name.entry.bytes
        guard let dot = entry.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        return String(decoding: entry[(dot + 1)...], as: UTF8.self).lowercased()
    }
}
