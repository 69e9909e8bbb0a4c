package import AudioClassifier
package import AudioFrontend
internal import Glibc
internal import Synchronization

/// One output for all files of an archive, in their order.
package final class CombinedOutput: ArchiveOutput {
    private struct State {
        var labels: LabelWriter
        /// Index of the file whose lines are written as they come; those of later files wait.
        var next = 0
        var lines: [Int: [String]] = [:]
        var spans: [Int: [LabelledSpan]] = [:]
        /// Bytes of the output up to the last complete result.
        var end: Int
    }

    private let descriptor: Int32
    private let isOwned: Bool
    private let name: String
    private let layout: RecordLayout
    private let sink: OutputSink
    private let journal: Journal?
    private let state: Mutex<State>

    /// Opens the output and writes its header, or cuts it where an earlier run's journal ends.
    /// - Parameters:
    ///   - file: the output, or nil for standard output.
    ///   - journal: the journal of the run.
    package init(_ file: FileName?, layout: RecordLayout, sampleRate: Int, journal: Journal?) throws {
        self.layout = layout
        self.journal = journal
        isOwned = file != nil
        name = file?.description ?? "standard output"
        // A pipe that is opened for reading, too, has a reader in this program, and takes lines that nobody reads.
        let access = file?.isPipe == true ? O_WRONLY : O_RDWR
        let flags = access | O_CREAT | O_CLOEXEC | (journal == nil ? O_TRUNC : 0)
        descriptor = file.map { file in unsafe file.withCString { unsafe open($0, flags, 0o666) } } ?? STDOUT_FILENO
        guard descriptor >= 0 else { throw Self.failure(name, Self.systemError()) }
        sink = OutputSink(descriptor: descriptor, name: name)
        let last = journal?.entries.last
        let labels = LabelWriter(
            layout.format, sampleRate: sampleRate, rows: last?.rows ?? 0,
            seconds: journal?.entries.reduce(0) { $0 + $1.seconds } ?? 0)
        var begin = 0
        if let journal {
            begin = last?.end ?? journal.base
            guard Self.size(descriptor) >= begin else {
                throw ClassifierError(
                    .data, code: "journal",
                    "\(name): has fewer bytes than --journal \(journal.path) notes (\(begin)); "
                        + "append to the output of the earlier run with >>, or remove the journal to classify "
                        + "all files again")
            }
            if let entry = Self.misplaced(journal, descriptor) {
                throw ClassifierError(
                    .data, code: "journal",
                    "\(name): is not the output of --journal \(journal.path): the result of \(entry.file) does not end "
                        + "at byte \(entry.end); name another output and journal, which classifies all files again")
            }
            guard ftruncate(descriptor, off_t(begin)) == 0, lseek(descriptor, off_t(begin), SEEK_SET) >= 0 else {
                throw Self.failure(name, Self.systemError())
            }
        }
        state = Mutex(State(labels: labels, end: begin))
        if last == nil {
            try sink.write(
                layout.format.isOfLabels ? labels.header : [layout.header].compactMap { $0 })
            state.withLock { $0.end = position }
        }
    }

    /// Returns a result of an earlier run after which no line of the output ends: the output is another run's. The last
    /// thousand are examined, and none where the output cannot be read.
    private static func misplaced(_ journal: Journal, _ descriptor: Int32) -> JournalEntry? {
        journal.entries.suffix(1000).first { entry in
            var last: UInt8 = 0
            guard entry.end > 0, unsafe pread(descriptor, &last, 1, off_t(entry.end - 1)) == 1 else { return false }
            return last != UInt8(ascii: "\n")
        }
    }

    deinit { if isOwned { Glibc.close(descriptor) } }

    /// Bytes of standard output before this run; nil if it is no file, so that a journal could not find its results.
    package static var standardOutputSize: Int? {
        var status = stat()
        guard unsafe fstat(STDOUT_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    package func receive(_ records: [Record], of index: Int, _ item: ArchiveItem, startTime: Double?) throws {
        if layout.format.isOfLabels {
            let spans = records.flatMap(LabelledSpan.all)
            state.withLock { $0.spans[index, default: []] += spans }
            return
        }
        let file = item.name.description
        let lines = records.flatMap { layout.lines($0, file: file, startTime: startTime) }
        try state.withLock { state in
            state.lines[index, default: []] += lines
            if state.next == index, !isKept(item) { try write(state.lines.removeValue(forKey: index) ?? []) }
        }
    }

    /// Whether lines are kept until their recording has been read whole: a signal may stop the program before, and the
    /// summary of a part would look complete.
    private func isKept(_ item: ArchiveItem) -> Bool {
        layout.mode == .summary && !item.name.isStandardInput && item.name.isRegularFile
    }

    package func complete(_ index: Int, _ item: ArchiveItem, _ result: ArchiveResult) throws {
        try state.withLock { state in
            state.next = index + 1
            var lines = state.lines.removeValue(forKey: index) ?? []
            let spans = state.spans.removeValue(forKey: index) ?? []
            if !result.isComplete {
                if journal != nil { return cut(to: state.end) }
                // A stream that a signal ends is written to its end.
                guard !isKept(item) else { return }
            }
            let file = item.name.description
            if layout.format.isOfLabels {
                lines = state.labels.lines(file, spans, seconds: result.seconds, startTime: result.startTime)
            }
            if let record = result.record(item, layout.format) {
                lines +=
                    layout.format.isOfLabels
                    ? state.labels.lines(record) : layout.lines(record, file: file, startTime: nil)
            }
            do { try write(lines) } catch {
                cut(to: state.end)
                throw error
            }
            state.end = position
            guard let journal else { return }
            try journal.add(result.entry(item, rows: state.labels.rows, end: state.end)) { () throws(ClassifierError) in
                try flush()
            }
        }
    }

    package func close() throws {
        try state.withLock { state in
            guard let journal else { return }
            cut(to: state.end)
            try journal.close { () throws(ClassifierError) in try flush() }
        }
    }

    /// Bytes of the output; 0 for a pipe.
    private var position: Int { max(0, Int(lseek(descriptor, 0, SEEK_CUR))) }

    private func write(_ lines: [String]) throws { try sink.write(lines) }

    /// Removes what stands behind the last complete result: a part of one.
    private func cut(to end: Int) {
        guard isOwned || journal != nil, Self.size(descriptor) > end else { return }
        _ = ftruncate(descriptor, off_t(end))
        lseek(descriptor, off_t(end), SEEK_SET)
    }

    /// Waits until the results are on the disk.
    private func flush() throws(ClassifierError) {
        guard fdatasync(descriptor) == 0 || errno == EINVAL else { throw Self.failure(name, Self.systemError()) }
    }

    private static func size(_ descriptor: Int32) -> Int {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func systemError() -> String { unsafe String(cString: strerror(errno)) }

    private static func failure(_ name: String, _ reason: String) -> ClassifierError {
        ClassifierError(.inputOutput, code: "write", "\(name): cannot write: \(reason)")
    }
}
