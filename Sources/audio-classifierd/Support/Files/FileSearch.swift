package import AudioClassifier
package import AudioFrontend
internal import Glibc
internal import StrictCoding

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

    /// A file that was found.
    package struct Found: Sendable {
        /// The name, which begins with the name of the folder that was searched.
        package let name: FileName
        /// The name below that folder.
        package let relative: FileName
        /// Whether libsndfile does not read files with this ending.
        package let isForeign: Bool
        /// Of a file that is not read: the one beside it that has its name and is read, as a converter makes it.
        package fileprivate(set) var converted: FileName?

        /// The reason why the file is not classified; nil for one that is.
        package var skip: (code: String, message: String)? {
            guard isForeign else { return nil }
            if let converted {
                let remedy = "if these are two recordings, rename one"
                return ("converted", "\(name): \(converted) is taken for its conversion; \(remedy)")
            }
            let advice = "convert it first: \(name.conversionCommand)"
            return ("format", "\(name): libsndfile does not read this format; \(advice)")
        }
    }

    /// Whether links to folders are followed. Links to files always are.
    private let followsLinks: Bool
    private let includesHidden: Bool
    /// Folders that have been searched, so that a loop of links ends.
    private var visited: Set<FileIdentity> = []

    /// The found files in the order of the arguments, those of a folder sorted by their bytes.
    package private(set) var found: [Found] = []
    /// Folders of the arguments without an audio file.
    package private(set) var emptyFolders: [FileName] = []
    /// Errors of unreadable folders.
    package private(set) var failures: [ClassifierError] = []
    /// Number of hidden files and folders that were left out.
    package private(set) var hiddenCount = 0

    package init(followsLinks: Bool = false, includesHidden: Bool = false) {
        self.followsLinks = followsLinks
        self.includesHidden = includesHidden
    }

    /// The files that can be classified.
    package var files: [FileName] { found.filter { !$0.isForeign }.map(\.name) }

    /// Adds a file, or the audio files below a folder.
    package mutating func add(_ name: FileName) {
        guard name.isFolder else {
            found.append(Found(name: name, relative: name.entry, isForeign: false))
            return
        }
        add(below: name)
    }

    /// Adds the audio files below a folder.
    package mutating func add(below folder: FileName) {
        var search = FileSearch(followsLinks: followsLinks, includesHidden: includesHidden)
        search.visit(folder, below: "")
        search.findConverted()
        found += search.found.sorted { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) }
        failures += search.failures
        if search.found.isEmpty, search.failures.isEmpty { emptyFolders.append(folder) }
        hiddenCount += search.hiddenCount
    }

    /// A sentence on the files that were left out because of their endings; nil if there are none.
    package var warning: String? {
        let foreign = found.filter { $0.isForeign && $0.converted == nil }.map(\.name)
        guard let first = foreign.first else { return nil }
        let endings = Set(foreign.compactMap(Self.ending)).sorted().joined(separator: ", ")
        let files = Quantity.text(foreign.count, "file was", "files were")
        return "\(files) left out (\(endings); the first is \(first)): libsndfile does not read this; convert first: "
            + first.conversionCommand
    }

    /// A sentence on hidden files and folders that were left out; nil if there are none.
    package var hiddenNote: String? {
        guard hiddenCount > 0 else { return nil }
        let hidden = Quantity.text(hiddenCount, "hidden file or folder was", "hidden files or folders were")
        return "\(hidden) left out; --hidden takes \(hiddenCount == 1 ? "it" : "them")"
    }

    /// Finds `a.flac` or `a.m4a.flac` for `a.m4a`.
    private mutating func findConverted() {
        let read = found.filter { !$0.isForeign }.map(\.name)
        let named = Dictionary(read.map { (Self.stem($0), $0) }) { first, _ in first }
        for index in found.indices where found[index].isForeign {
            let name = found[index].name
            found[index].converted = named[name] ?? named[Self.stem(name)]
        }
    }

    /// The name without the part after its last dot.
    private static func stem(_ name: FileName) -> FileName {
        FileName(bytes: Array(name.bytes[..<(name.bytes.lastIndex(of: UInt8(ascii: ".")) ?? name.bytes.count)]))
    }

    private mutating func visit(_ folder: FileName, below relative: FileName) {
        if let status = folder.status {
            guard visited.insert(FileIdentity(status)).inserted else { return }
        }
        guard let stream = unsafe folder.withCString({ unsafe opendir($0) }) else {
            failures.append(
                ClassifierError(
                    .noInput, code: "not_found",
                    "\(folder): the folder cannot be read: \(unsafe String(cString: strerror(errno)))"))
            return
        }
        // Entries are visited after the folder is closed, so that deep trees do not hold a descriptor for each level.
        var entries: [FileName] = []
        while let entry = unsafe readdir(stream) {
            let bytes = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            guard bytes != Array(".".utf8), bytes != Array("..".utf8) else { continue }
            entries.append(FileName(bytes: bytes))
        }
        unsafe closedir(stream)
        for entry in entries.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            visit(entry, in: folder, relative.bytes.isEmpty ? entry : relative.appending(entry))
        }
    }

    private mutating func visit(_ entry: FileName, in folder: FileName, _ relative: FileName) {
        let name = folder.appending(entry)
        let isHidden = entry.bytes.first == UInt8(ascii: ".") && !includesHidden
        var status = stat()
        guard unsafe name.withCString({ unsafe lstat($0, &status) }) == 0 else { return }
        let isLink = status.st_mode & S_IFMT == S_IFLNK
        if status.st_mode & S_IFMT == S_IFDIR || isLink && followsLinks && name.isFolder {
            if isHidden { hiddenCount += 1 } else { visit(name, below: relative) }
            return
        }
        guard let ending = Self.ending(name) else { return }
        let isForeign = Self.foreignEndings.contains(ending)
        // A broken link stays, so that it is reported as a file that cannot be opened.
        if let target = name.status, target.st_mode & S_IFMT != S_IFREG { return }
        guard isForeign || Self.endings.contains(ending) else { return }
        if isHidden {
            hiddenCount += 1
        } else {
            found.append(Found(name: name, relative: relative, isForeign: isForeign))
        }
    }

    /// Whether a name has the ending of an audio file, be it one that libsndfile does not read.
    static func isAudio(_ name: FileName) -> Bool {
        ending(name).map { endings.contains($0) || foreignEndings.contains($0) } ?? false
    }

    /// The part of a file's name after its last dot, in lower case.
    private static func ending(_ name: FileName) -> String? {
        let entry = name.entry.bytes
        guard let dot = entry.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        return String(decoding: entry[(dot + 1)...], as: UTF8.self).lowercased()
    }
}
