internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import Logging

/// Remembers in a file which events are open, so that the next service ends those of one that was killed.
///
/// Each service has a file of its own and keeps it locked. The lock ends with the process, however that ends. The file
/// is open for writing only while a line is written, so that its file system can be made read-only at any time.
package struct EventJournal: EventOutput {
    let name = "journal"
    private let path: String
    private let log: Logger

    private static let suffix = ".events"
    /// Lines of ended events after which the file is written anew.
    private static let mostLines = 1000

    /// - Parameter folder: the folder of the states, which several services may share.
    init(folder: String, log: Logger) {
        path = "\(folder)/\(ProcessIdentity.own.text)\(Self.suffix)"
        self.log = log
    }

    /// Removes the journals of ended services from a folder, and returns the events that they have left open. Other
    /// things of such names stay.
    package static func takeOpenEvents(in folder: String) -> [StreamEvent] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted().flatMap { name -> [StreamEvent] in
            let path = "\(folder)/\(name)"
            // Without O_NONBLOCK, opening a FIFO would wait for its writer.
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else { return [] }
            defer { close(descriptor) }
            guard FileAccess.identity(of: descriptor) != nil, flock(descriptor, LOCK_EX | LOCK_NB) == 0,
                let bytes = FileAccess.contents(of: descriptor)
            else { return [] }
            unsafe unlink(path)
            var open = OpenEvents()
            // The last line may be incomplete.
            for line in bytes.split(separator: UInt8(ascii: "\n")) {
                if let event = StreamEvent(json: String(decoding: line, as: UTF8.self)) { open.add(event) }
            }
            return open.events
        }
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        var open = OpenEvents()
        // Holds the lock; negative without a file.
        var file: Int32 = -1
        defer { if file >= 0 { close(file) } }
        var lines = 0
        var isFailing = false
        for await message in events {
            guard case .event(let event) = message else { continue }
            open.add(event)
            lines += 1
            if file < 0 || lines > Self.mostLines + open.events.count {
                let next = replace(open.events)
                if file >= 0 { close(file) }
                file = next
                lines = open.events.count
            } else if !append(event) {
                // Half a line would spoil the next one, which writes the file anew.
                close(file)
                file = -1
            }
            if file < 0 && !isFailing {
                log.warning("\(path): open events cannot be remembered: \(unsafe String(cString: strerror(errno)))")
            }
            isFailing = file < 0
        }
        // All events have ended.
        if open.events.isEmpty { unsafe unlink(path) }
    }

    private func append(_ event: StreamEvent) -> Bool {
        let descriptor = unsafe open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return (try? writeAll(event.json + "\n", to: descriptor)) != nil
    }

    /// Replaces the file atomically.
    /// - Returns: a descriptor of the new file that holds its lock; negative for a failure.
    private func replace(_ events: [StreamEvent]) -> Int32 {
        let partial = "\(path).new"
        let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else { return -1 }
        defer { close(descriptor) }
        let lock = unsafe open(partial, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard lock >= 0 else { return -1 }
        let isWritten =
            flock(lock, LOCK_EX | LOCK_NB) == 0
            && (try? writeAll(events.map { $0.json + "\n" }.joined(), to: descriptor)) != nil
        guard isWritten, unsafe rename(partial, path) == 0 else {
            close(lock)
            return -1
        }
        return lock
    }
}

/// Events that have begun and not ended. A pure value.
package struct OpenEvents {
    private var byClass: [String: StreamEvent] = [:]

    package init() {}

    package var events: [StreamEvent] { byClass.sorted { $0.key < $1.key }.map(\.value) }

    /// Adds the begin or the end of an event. A class of a stream has one open event at most.
    package mutating func add(_ event: StreamEvent) {
        byClass["\(event.stream)\n\(event.label)"] = event.isStart ? event : nil
    }
}
