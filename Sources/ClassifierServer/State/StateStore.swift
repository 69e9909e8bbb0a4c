internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import NIOConcurrencyHelpers

/// Saved states of streams by name: in a folder if one is configured, otherwise the newest ones in memory. Their number
/// and their bytes are bounded.
final class StateStore: Sendable {
    // Invariant: sums are those of times in floating point and of texts.
    private struct Kept {
        var inventory: StateInventory
        /// States in memory.
        var states: [String: [UInt8]] = [:]
        /// When the inventory of the folder was made, in seconds of a monotonic clock.
        var time = -Double.infinity
    }

    private static let suffix = ".state"
    private static let resumePointSuffix = ".place"
    /// Seconds after which the folder is looked at again, because other services may use it, too.
    private static let inventoryAge = 60.0

    /// The folder of the states; nil if they do not outlive the service.
    let folder: String?
    private let partial: PartialFile?
    private let kept: NIOLockedValueBox<Kept>
    private let ages = NIOLockedValueBox(StateAges())

    /// - Parameters:
    ///   - limit: the largest number of states.
    ///   - bytes: the largest number of bytes of all states.
    /// - Throws: ``ClassifierError`` if the folder cannot be made or written to.
    init(folder: String?, limit: Int, bytes: Int) throws(ClassifierError) {
        self.folder = folder
        partial = folder.map { PartialFile(folder: $0) }
        kept = NIOLockedValueBox(Kept(inventory: StateInventory(limit: limit, bytes: bytes)))
        guard let folder else { return }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch { throw Self.failure(folder, "the folder cannot be made") }
        guard unsafe access(folder, W_OK | X_OK) == 0 else { throw Self.failure(folder, "the folder is not writable") }
        partial?.removeAbandoned(among: (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    }

    /// Replaces the state of a stream atomically: a reader finds the old state or the new one.
    /// - Parameter spared: states that are not removed to make room; nil if none is removed from a folder.
    func save(_ id: String, _ bytes: [UInt8], sparing spared: Set<String>?) throws(ClassifierError) {
        if folder != nil { refreshInventory() }
        let size = bytes.count
        let removals = kept.withLockedValue {
            $0.inventory.removals(for: id, bytes: size, sparing: folder == nil ? [] : spared)
        }
        guard let removals else {
            // In memory a new state has no room only where there is none for any.
            guard folder != nil else { return }
            let (count, total) = kept.withLockedValue { ($0.inventory.count, $0.inventory.bytes) }
            throw ClassifierError(
                .inputOutput, code: "states",
                "there are \(count) states of \(total) bytes, as many as state.files and state.bytes allow; "
                    + "the state of \"\(id)\" is not saved")
        }
        for name in removals { remove(name) }
        if folder != nil {
            try write(id + Self.suffix, bytes)
        } else {
            kept.withLockedValue { $0.states[id] = bytes }
        }
        kept.withLockedValue { $0.inventory.save(id, .init(bytes: size, modified: WallClock.now())) }
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws(ClassifierError) {
        guard let partial else { return }
        guard partial.replace(name, with: bytes) else {
            throw Self.failure("\(partial.folder)/\(name)", "the state cannot be written")
        }
    }

    /// Lists the states of the folder, which is not done for every state: a neighbour's states are few or old.
    private func refreshInventory() {
        let now = MonotonicClock.now()
        guard now - kept.withLockedValue({ $0.time }) > Self.inventoryAge else { return }
        let files = list()
        kept.withLockedValue {
            $0.time = now
            $0.inventory.replace(with: files)
        }
    }

    /// Returns the states in the folder, by the names of their streams.
    private func list() -> [String: StateInventory.Entry] {
        guard let folder else { return [:] }
        var files: [String: StateInventory.Entry] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasSuffix(Self.suffix) {
            var status = stat()
            guard unsafe stat("\(folder)/\(name)", &status) == 0 else { continue }
            files[String(name.dropLast(Self.suffix.count))] = StateInventory.Entry(
                bytes: Int(status.st_size),
                modified: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9)
        }
        return files
    }

    /// Returns the saved state of a stream, if there is one.
    /// - Throws: ``ClassifierError`` if its file cannot be read.
    func load(_ id: String) throws(ClassifierError) -> [UInt8]? {
        guard let folder else { return kept.withLockedValue { $0.states[id] } }
        let path = "\(folder)/\(id)\(Self.suffix)"
        guard unsafe access(path, F_OK) == 0 || errno != ENOENT else { return nil }
        guard let bytes = FileAccess.contents(of: path) else { throw Self.failure(path, "cannot be read") }
        return bytes
    }

    /// Replaces the resume point of a stream; does nothing without a folder.
    func save(_ point: ResumePoint, of id: String) throws(ClassifierError) {
        guard folder != nil, let bytes = try? JSONEncoder().encode(point) else { return }
        try write(id + Self.resumePointSuffix, Array(bytes))
    }

    func resumePoint(of id: String) -> ResumePoint? {
        guard let folder, let bytes = FileAccess.contents(of: "\(folder)/\(id)\(Self.resumePointSuffix)") else {
            return nil
        }
        return try? JSONDecoder().decode(ResumePoint.self, from: Data(bytes))
    }

    func removeResumePoint(of id: String) {
        if let folder { unsafe unlink("\(folder)/\(id)\(Self.resumePointSuffix)") }
    }

    func remove(_ id: String) {
        kept.withLockedValue {
            $0.states[id] = nil
            $0.inventory.remove(id)
        }
        guard let folder else { return }
        unsafe unlink("\(folder)/\(id)\(Self.suffix)")
    }

    /// Removes expired states and their resume points.
    func removeOlder(than seconds: Double) {
        guard folder != nil else { return }
        let files = list()
        let expired = ages.withLockedValue {
            $0.expired(
                files.mapValues(\.modified), time: WallClock.now(), monotonic: MonotonicClock.now(), kept: seconds)
        }
        for id in expired {
            remove(id)
            removeResumePoint(of: id)
        }
    }

    private static func failure(_ path: String, _ reason: String) -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "state",
            "\(path): \(reason): \(unsafe String(cString: strerror(errno))); state.folder names the folder of states")
    }
}
