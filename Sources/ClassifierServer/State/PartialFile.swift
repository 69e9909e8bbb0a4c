internal import AudioClassifier
internal import Glibc

/// A file that is written beside its final name and then takes its place, so that a reader finds the old contents or
/// the new ones. Several services may use one folder: each has its own names, and holds a lock on the file while it
/// writes.
package struct PartialFile: Sendable {
    private static let prefix = ".partial-"

    package let folder: String
    /// Number that distinguishes this service's files from those of its neighbours.
    private let owner = UInt64.random(in: 0...UInt64.max)

    package init(folder: String) { self.folder = folder }

    /// Replaces the contents of the file `name` in the folder.
    /// - Returns: whether the file was written; otherwise `errno` has the reason.
    package func replace(_ name: String, with bytes: [UInt8]) -> Bool {
        let partial = "\(folder)/\(Self.prefix)\(String(owner, radix: 16))-\(name)"
        guard let descriptor = Self.create(partial) else { return false }
        let isWritten = (try? writeAll(bytes, to: descriptor)) != nil && fsync(descriptor) == 0
        // The name changes under the lock, so that no neighbour takes the file for an abandoned one.
        let isRenamed = unsafe isWritten && rename(partial, "\(folder)/\(name)") == 0
        let failure = errno
        if !isRenamed { unsafe unlink(partial) }
        close(descriptor)
        errno = failure
        guard isRenamed else { return false }
        let directory = unsafe open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard directory >= 0 else { return true }
        fsync(directory)
        close(directory)
        return true
    }

    /// Creates a file with a lock on it.
    private static func create(_ path: String) -> Int32? {
        while true {
            let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
            let descriptor = unsafe open(path, flags, 0o600)
            guard descriptor >= 0 else { return nil }
            var status = stat()
            // A neighbour may remove the file between its creation and its lock.
            guard flock(descriptor, LOCK_EX) == 0, unsafe fstat(descriptor, &status) == 0, status.st_nlink == 0 else {
                return descriptor
            }
            close(descriptor)
        }
    }

    /// Removes the files that killed services have left, but none that a running one is writing.
    package func removeAbandoned(among names: [String]) {
        for name in names where name.hasPrefix(Self.prefix) {
            let path = "\(folder)/\(name)"
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unsafe unlink(path) }
            close(descriptor)
        }
    }
}
