package import AudioClassifier
package import AudioFrontend
internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import Synchronization

/// The record of finished files, with which a run that was stopped or killed goes on.
///
/// Its first line names the settings that results depend on; each further line is a ``JournalEntry``. A line is written
/// right after the result that it notes, so that what stands behind the last noted result is unfinished and is cut off.
/// Once a second results and then notes are forced to the disk; a note that a power failure leaves without its result
/// is dropped.
package final class Journal: Sendable {
    package let path: FileName
    /// Entries of earlier runs, in the order of their results.
    package let entries: [JournalEntry]
    /// Bytes that the output had before the first run.
    package let base: Int
    private let descriptor: Int32
    private let lastFlush = Mutex(Journal.now())
    /// Seconds between two waits for the disk.
    private static let period = 1.0

    /// Opens a journal, or begins one, and locks it against other runs.
    /// - Parameters:
    ///   - settings: the settings that results depend on, by option.
    ///   - base: bytes that the output had before this run, for a journal that is begun.
    ///   - size: bytes of the output; nil where each recording has a file.
    /// - Throws: ``ClassifierError`` if it is a FIFO or in use, is no journal, or was begun with other settings.
    package init(
        _ path: FileName, settings: [String: String], base: Int = 0, size: Int? = nil
    ) throws(ClassifierError) {
        // Reading it would wait for a writer without end.
        guard !path.isPipe else {
            throw Self.refusal(path, "is a pipe, in which no later run finds what is done; name a file")
        }
        let descriptor = unsafe path.withCString { unsafe open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { throw Self.failure(path, "cannot be opened: \(Self.systemError())") }
        do throws(ClassifierError) {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw ClassifierError(
                    .unavailable, code: "locked",
                    "\(path): another run uses this journal; wait for its end, or name another journal")
            }
            let header = JournalHeader(settings: settings, base: base)
            let read = try Self.read(path, header, outputSize: size ?? .max)
            // The line that a kill has cut is written again.
            guard ftruncate(descriptor, off_t(read.length)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
                throw Self.failure(path, "cannot be written: \(Self.systemError())")
            }
            if read.length == 0 { try Self.write(header.json + "\n", descriptor, path) }
            entries = read.entries
            self.base = read.base
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { Glibc.close(descriptor) }

    /// Notes a finished file.
    /// - Parameter flush: forces the results to the disk; called at most once a second.
    package func add(_ entry: JournalEntry, flush: () throws(ClassifierError) -> Void) throws(ClassifierError) {
        try lastFlush.withLock { last throws(ClassifierError) in
            let isDue = Self.now() - last >= Self.period
            if isDue { try flush() }
            try Self.write(entry.json + "\n", descriptor, path)
            guard isDue else { return }
            fdatasync(descriptor)
            last = Self.now()
        }
    }

    /// Forces results and notes to the disk.
    package func close(flush: () throws(ClassifierError) -> Void) throws(ClassifierError) {
        try flush()
        fdatasync(descriptor)
    }

    private static func read(
        _ path: FileName, _ header: JournalHeader, outputSize: Int
    ) throws(ClassifierError) -> (entries: [JournalEntry], base: Int, length: Int) {
        guard let bytes = path.contents else { throw failure(path, "cannot be read: \(systemError())") }
        guard !bytes.isEmpty else { return ([], header.base, 0) }
        guard bytes.starts(with: "{\"type\":\"journal\",\"v\":".utf8) else {
            throw refusal(path, "is not a journal, and would be overwritten; name another file")
        }
        guard let last = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return ([], header.base, 0) }
        let lines = bytes[..<last].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let found = try? JSONDecoder().decode(JSONValue.self, from: Data(lines[0]))
        guard let version = found?["v"]?.number.flatMap(Int.init(exactly:)),
            let base = found?["base"]?.number.flatMap(Int.init(exactly:)), JournalEntry.counts.contains(base),
            case .object(let settings)? = found?["settings"]
        else {
            throw refusal(path, "is damaged in its first line; name another journal and output")
        }
        guard version == JournalHeader.version else {
            throw refusal(
                path,
                "has version \(version), and this program writes version \(JournalHeader.version); "
                    + "name another journal and output")
        }
        let begun = JournalHeader(settings: settings.compactMapValues(\.string), base: base)
        if let difference = begun.difference(to: header) {
            throw refusal(path, "\(difference); use the same command, or another journal and output")
        }
        var entries: [JournalEntry] = []
        for (number, line) in lines.enumerated().dropFirst() {
            guard let entry = JournalEntry(line: line) else {
                throw refusal(path, "is damaged in line \(number + 1); name another journal and output")
            }
            entries.append(entry)
        }
        var length = last + 1
        while let entry = entries.last, entry.end > outputSize {
            length -= lines[entries.count].count + 1
            entries.removeLast()
        }
        return (entries, begun.base, length)
    }

    private static func write(_ text: String, _ descriptor: Int32, _ path: FileName) throws(ClassifierError) {
        do { try writeAll(text, to: descriptor) } catch {
            throw failure(path, "cannot be written: \(error); results that it does not note are done again")
        }
    }

    private static func failure(_ path: FileName, _ reason: String) -> ClassifierError {
        ClassifierError(.inputOutput, code: "write", "--journal \(path): \(reason)")
    }

    private static func refusal(_ path: FileName, _ reason: String) -> ClassifierError {
        ClassifierError(.usage, code: "journal", "--journal \(path): \(reason)")
    }

    private static func systemError() -> String { unsafe String(cString: strerror(errno)) }

    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
