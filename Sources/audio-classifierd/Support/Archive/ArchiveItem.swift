package import AudioFrontend
internal import Glibc

/// A file of an archive, and what is to be done with it.
package struct ArchiveItem: Sendable {
    package enum Work: Sendable, Equatable {
        case classify
        /// Not classified, for a reason.
        case skip(code: String, message: String)
    }

    /// The name as it was given or found.
    package let name: FileName
    /// The name below the searched folder, for a mirrored tree of results.
    package let relative: FileName
    /// The name without links and `..`, by which a journal knows the file; there it is text in UTF-8.
    package let key: FileName
    package fileprivate(set) var work: Work
    /// Bytes of the file; 0 for a pipe or a missing file.
    package let size: Int
    /// Nanoseconds of the last change since 1970.
    package let changed: Int
}

/// The files of an archive in the order of their results, each once.
package struct ArchivePlan: Sendable {
    package private(set) var items: [ArchiveItem] = []
    /// Number of times that a file was named again.
    package private(set) var repeatedCount = 0

    private var names: Set<FileName> = []
    /// Indices of the items that are classified.
    private var first: [FileIdentity: Int] = [:]
    private var folders: [FileName: FileName] = [:]

    package init(_ found: [FileSearch.Found]) {
        items.reserveCapacity(found.count)
        for file in found { add(file) }
    }

    private mutating func add(_ file: FileSearch.Found) {
        let key = key(of: file.name)
        guard names.insert(key).inserted else {
            repeatedCount += 1
            return
        }
        let status = file.name.isStandardInput ? nil : file.name.status
        let isRegular = status.map { $0.st_mode & S_IFMT == S_IFREG } ?? false
        var work = ArchiveItem.Work.classify
        if let skip = file.skip {
            work = .skip(code: skip.code, message: skip.message)
        } else if isRegular, let status {
            let identity = FileIdentity(status)
            if let other = first[identity], items[other].name.isLink, !file.name.isLink {
                // A link has no result of its own where its file is found, too.
                items[other].work = Self.link(items[other].name, to: file.name)
                first[identity] = items.count
            } else if let other = first[identity] {
                work = Self.link(file.name, to: items[other].name)
            } else {
                first[identity] = items.count
            }
        }
        items.append(
            ArchiveItem(
                name: file.name, relative: file.relative, key: key, work: work,
                size: isRegular ? Int(status?.st_size ?? 0) : 0,
                changed: status?.changed ?? 0))
    }

    private static func link(_ name: FileName, to other: FileName) -> ArchiveItem.Work {
        .skip(
            code: "same_file", message: "\(name): is a link to the same file as \(other), which is classified")
    }

    private mutating func key(of name: FileName) -> FileName {
        guard !name.isStandardInput else { return name }
        let folder = name.folder
        let real = folders[folder] ?? Self.real(folder)
        folders[folder] = real
        let path = real.appending(name.entry)
        // A real name begins with a slash, so that no text is taken for the digits of other bytes.
        guard !path.isText else { return path }
        return FileName("bytes:" + path.bytes.map { String($0, radix: 16) }.joined(separator: ","))
    }

    /// Returns the folder's name without links; the name itself if the folder cannot be found.
    private static func real(_ folder: FileName) -> FileName {
        guard let real = unsafe folder.withCString({ unsafe realpath($0, nil) }) else { return folder }
        defer { unsafe free(real) }
        return unsafe FileName(cString: real)
    }
}
