package import AudioClassifier
package import AudioFrontend
internal import Glibc
internal import Synchronization

/// An output for each file of an archive, beside it or in a tree that mirrors the archive.
package final class PerFileOutput: ArchiveOutput {
    /// The place of the outputs.
    package enum Place: Sendable, Equatable {
        case besideRecordings
        case folder(FileName)
    }

    private struct Open {
        let file: ResultFile
        var writer: LineWriter
    }

    private let place: Place
    private let layout: RecordLayout
    private let sampleRate: Int
    private let journal: Journal?
    private let open = Mutex<[Int: Open]>([:])

    package init(_ place: Place, layout: RecordLayout, sampleRate: Int, journal: Journal?) {
        self.place = place
        self.layout = layout
        self.sampleRate = sampleRate
        self.journal = journal
    }

    /// Returns the output of a file: its name with the ending of the format.
    package static func target(_ item: ArchiveItem, _ place: Place, _ format: OutputFormat) -> FileName {
        let name: FileName =
            switch place {
            case .besideRecordings: item.name
            case .folder(let folder): folder.appending(item.relative)
            }
        return FileName(bytes: name.bytes + Array(".\(format.fileEnding)".utf8))
    }

    /// - Throws: ``ClassifierError`` `usage` if two files would have one output.
    package static func check(_ items: [ArchiveItem], _ place: Place, _ format: OutputFormat) throws(ClassifierError) {
        var owners: [FileName: FileName] = [:]
        for item in items {
            if let other = owners.updateValue(item.name, forKey: target(item, place, format)) {
                throw ClassifierError(
                    .usage, code: "usage",
                    "\(other) and \(item.name) would both have the output \(target(item, place, format)); "
                        + "classify their folders one by one, or write the outputs --beside the recordings")
            }
        }
    }

    package func receive(_ records: [Record], of index: Int, _ item: ArchiveItem, startTime: Double?) throws {
        // A file has one thread at a time: the lock is for the table of files alone.
        var result = try open.withLock { $0.removeValue(forKey: index) } ?? begin(item, startTime)
        let lines = records.flatMap { result.writer.lines($0) }
        try result.file.write(lines)
        open.withLock { [result] in $0[index] = result }
    }

    package func complete(_ index: Int, _ item: ArchiveItem, _ result: ArchiveResult) throws {
        // The part of a result is removed with its file.
        let begun = open.withLock { $0.removeValue(forKey: index) }
        guard result.isComplete else { return }
        var output = try begun ?? begin(item, result.startTime)
        var lines = output.writer.finish(seconds: result.seconds)
        if let record = result.record(item, layout.format) { lines += output.writer.lines(record) }
        try output.file.write(lines)
        let size = try output.file.close()
        guard let journal else { return }
        try journal.add(result.entry(item, rows: 0, end: size)) {}
    }

    package func close() throws {
        open.withLock { $0 = [:] }
        try journal?.close {}
    }

    private func begin(_ item: ArchiveItem, _ startTime: Double?) throws -> Open {
        let file = try ResultFile(Self.target(item, place, layout.format))
        try file.write(
            layout.format.isOfLabels
                ? LabelWriter(layout.format, sampleRate: sampleRate).header : [layout.header].compactMap { $0 })
        return Open(
            file: file,
            writer: LineWriter(
                layout, file: item.name.description, sampleRate: sampleRate, startTime: startTime))
    }
}

/// A file that has its name only when it is complete.
private final class ResultFile: Sendable {
    private let name: FileName
    private let partial: FileName
    private let descriptor: Int32
    private let sink: OutputSink
    private let isClosed = Atomic<Bool>(false)

    init(_ name: FileName) throws {
        self.name = name
        partial = FileName(bytes: name.bytes + Array(".partial".utf8))
        try OutputFiles.makeFolder(name.folder)
        descriptor = unsafe partial.withCString {
            unsafe open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        }
        guard descriptor >= 0 else { throw Self.failure(name) }
        sink = OutputSink(descriptor: descriptor, name: name.description)
    }

    deinit {
        guard !isClosed.load(ordering: .relaxed) else { return }
        Glibc.close(descriptor)
        _ = unsafe partial.withCString { unsafe unlink($0) }
    }

    func write(_ lines: [String]) throws { try sink.write(lines) }

    /// Gives the file its name.
    /// - Returns: its bytes.
    func close() throws -> Int {
        let size = Int(lseek(descriptor, 0, SEEK_CUR))
        isClosed.store(true, ordering: .relaxed)
        let isWritten = Glibc.close(descriptor) == 0
        let isRenamed = unsafe partial.withCString { partial in
            unsafe name.withCString { name in unsafe rename(partial, name) == 0 }
        }
        guard isWritten, isRenamed else { throw Self.failure(name) }
        return size
    }

    private static func failure(_ name: FileName) -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "write", "\(name): cannot write: \(unsafe String(cString: strerror(errno)))")
    }
}
