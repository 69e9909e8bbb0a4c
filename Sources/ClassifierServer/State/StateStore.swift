internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import NIOConcurrencyHelpers

/// Saved states of streams by name: in a folder if one is configured, otherwise the newest ones in memory.
final class StateStore: Sendable {
    private struct Kept {
        var states: [String: [UInt8]] = [:]
        /// Names, the oldest state first.
        var order: [String] = []
    }

    private static let suffix = ".state"
    private static let resumePointSuffix = ".place"

    /// The folder of the states; nil if they do not outlive the service.
    let folder: String?
    private let limit: Int
    private let kept = NIOLockedValueBox(Kept())
    private let ages = NIOLockedValueBox(StateAges())

    /// - Parameter limit: the largest number of states in memory.
    /// - Throws: ``ClassifierError`` if the folder cannot be made or written to.
    init(folder: String?, limit: Int) throws(ClassifierError) {
        self.folder = folder
        self.limit = limit
        guard let folder else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch { throw Self.failure(folder, "the folder cannot be made") }
        guard unsafe access(folder, W_OK | X_OK) == 0 else { throw Self.failure(folder, "the folder is not writable") }
        // Incomplete files of a killed process.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix(".partial-") {
            unsafe unlink("\(folder)/\(name)")
        }
    }

    /// Replaces the state of a stream atomically: a reader finds the old state or the new one.
    func save(_ id: String, _ bytes: [UInt8]) throws(ClassifierError) {
        guard let folder else {
            keep(id, bytes)
            return
        }
        try write(id, Self.suffix, bytes, in: folder)
    }

    private func write(_ id: String, _ suffix: String, _ bytes: [UInt8], in folder: String) throws(ClassifierError) {
        let path = "\(folder)/\(id)\(suffix)"
        let partial = "\(folder)/.partial-\(id)"
        let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure(partial, "cannot be made") }
        let isWritten = (try? writeAll(bytes, to: descriptor)) != nil && fsync(descriptor) == 0
        let isClosed = close(descriptor) == 0
        guard isWritten, isClosed, unsafe rename(partial, path) == 0 else {
            let failure = Self.failure(path, "the state cannot be written")
            unsafe unlink(partial)
            throw failure
        }
        let directory = unsafe open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    /// Returns the saved state of a stream, if there is one.
    /// - Throws: ``ClassifierError`` if its file cannot be read.
    func load(_ id: String) throws(ClassifierError) -> [UInt8]? {
        guard let folder else { return kept.withLockedValue { $0.states[id] } }
        let path = "\(folder)/\(id)\(Self.suffix)"
        guard unsafe access(path, F_OK) == 0 || errno != ENOENT else { return nil }
        guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
            throw Self.failure(path, "cannot be read")
        }
        return Array(bytes)
    }

    /// Replaces the resume point of a stream; does nothing without a folder.
    func save(_ point: ResumePoint, of id: String) throws(ClassifierError) {
        guard let folder, let bytes = try? JSONEncoder().encode(point) else { return }
        try write(id, Self.resumePointSuffix, Array(bytes), in: folder)
    }

    func resumePoint(of id: String) -> ResumePoint? {
        guard let folder, let bytes = try? Data(contentsOf: URL(filePath: "\(folder)/\(id)\(Self.resumePointSuffix)"))
        else { return nil }
        return try? JSONDecoder().decode(ResumePoint.self, from: bytes)
    }

    func removeResumePoint(of id: String) {
        if let folder { unsafe unlink("\(folder)/\(id)\(Self.resumePointSuffix)") }
    }

    func remove(_ id: String) {
        guard let folder else {
            kept.withLockedValue { kept in
                kept.states[id] = nil
                kept.order.removeAll { $0 == id }
            }
            return
        }
        unsafe unlink("\(folder)/\(id)\(Self.suffix)")
    }

    /// Removes expired states and their resume points.
    func removeOlder(than seconds: Double) {
        guard let folder else { return }
        var files: [String: Double] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasSuffix(Self.suffix) {
            var status = stat()
            guard unsafe stat("\(folder)/\(name)", &status) == 0 else { continue }
            files[name] = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
        }
        let expired = ages.withLockedValue {
            $0.expired(files, time: WallClock.now(), monotonic: MonotonicClock.now(), kept: seconds)
        }
        for name in expired {
            unsafe unlink("\(folder)/\(name)")
            removeResumePoint(of: String(name.dropLast(Self.suffix.count)))
        }
    }

    private func keep(_ id: String, _ bytes: [UInt8]) {
        kept.withLockedValue { kept in
            kept.order.removeAll { $0 == id }
            kept.order.append(id)
            kept.states[id] = bytes
            if kept.order.count > limit { kept.states[kept.order.removeFirst()] = nil }
        }
    }

    private static func failure(_ path: String, _ reason: String) -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "state",
            "\(path): \(reason): \(unsafe String(cString: strerror(errno))); state.folder names the folder of states")
    }
}
