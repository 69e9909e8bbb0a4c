internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import NIOConcurrencyHelpers
internal import NIOCore

/// Saved states of streams, by name: in a folder, where there is one, and the newest of the streams that have ended in
/// memory.
final class StateStore: Sendable {
    private struct Kept {
        var states: [String: [UInt8]] = [:]
        /// The one that was kept longest is first.
        var order: [String] = []
    }

    private static let suffix = ".state"
    /// Of where a followed file's stream is in its file.
    private static let placeSuffix = ".place"

    /// Nil where states do not outlive the service.
    let folder: String?
    private let limit: Int
    private let kept = NIOLockedValueBox(Kept())
    private let ages = NIOLockedValueBox(StateAges())

    /// - Parameter limit: states that are kept in memory where there is no folder.
    /// - Throws: ``ClassifierError`` where the folder cannot be made or written to.
    init(folder: String?, limit: Int) throws(ClassifierError) {
        self.folder = folder
        self.limit = limit
        guard let folder else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch { throw Self.failure(folder, "the folder cannot be made") }
        guard unsafe access(folder, W_OK | X_OK) == 0 else { throw Self.failure(folder, "cannot write there") }
        // What a process that was killed was writing.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix(".partial-") {
            unsafe unlink("\(folder)/\(name)")
        }
    }

    /// Keeps the state of a stream, in the place of an older one: whoever reads finds the one or the other, whole.
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
        var rest = bytes[...]
        var isGood = true
        while isGood && !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            isGood = written > 0
            if isGood { rest = rest.dropFirst(written) }
        }
        isGood = isGood && fsync(descriptor) == 0
        isGood = close(descriptor) == 0 && isGood
        guard isGood, unsafe rename(partial, path) == 0 else {
            let failure = Self.failure(path, "the state cannot be written")
            unsafe unlink(partial)
            throw failure
        }
        let directory = unsafe open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    /// The newest state of a stream that is not running, if there is one.
    /// - Throws: where there is one, and it cannot be read.
    func load(_ id: String) throws(ClassifierError) -> [UInt8]? {
        guard let folder else { return kept.withLockedValue { $0.states[id] } }
        let path = "\(folder)/\(id)\(Self.suffix)"
        guard unsafe access(path, F_OK) == 0 || errno != ENOENT else { return nil }
        guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
            throw Self.failure(path, "cannot be read")
        }
        return Array(bytes)
    }

    /// Keeps where in its file a stream is; nothing without a folder.
    func save(_ place: FilePlace, of id: String) throws(ClassifierError) {
        guard let folder, let bytes = try? JSONEncoder().encode(place) else { return }
        try write(id, Self.placeSuffix, Array(bytes), in: folder)
    }

    func place(of id: String) -> FilePlace? {
        guard let folder, let bytes = try? Data(contentsOf: URL(filePath: "\(folder)/\(id)\(Self.placeSuffix)"))
        else { return nil }
        return try? JSONDecoder().decode(FilePlace.self, from: bytes)
    }

    func removePlace(of id: String) {
        if let folder { unsafe unlink("\(folder)/\(id)\(Self.placeSuffix)") }
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

    /// Removes states that nobody has come back for.
    func removeOlder(than seconds: Double) {
        guard let folder else { return }
        var files: [String: Double] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasSuffix(Self.suffix) {
            var status = stat()
            guard unsafe stat("\(folder)/\(name)", &status) == 0 else { continue }
            files[name] = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
        }
        let monotonic = Double(NIODeadline.now().uptimeNanoseconds) * 1e-9
        let expired = ages.withLockedValue {
            $0.expired(files, time: WallClock.now(), monotonic: monotonic, kept: seconds)
        }
        for name in expired {
            unsafe unlink("\(folder)/\(name)")
            removePlace(of: String(name.dropLast(Self.suffix.count)))
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
            "\(path): \(reason): \(unsafe String(cString: strerror(errno))); state.folder is where states are kept")
    }
}
