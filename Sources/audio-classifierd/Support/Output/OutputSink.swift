internal import AudioClassifier
internal import Glibc
internal import StrictCoding
internal import Synchronization

/// An output as a sequence of whole lines, each group written at once.
package final class OutputSink: Sendable {
    /// Thrown after the reader of the output has closed it, which is not a failure.
    package struct ReaderGone: Error {}

    private let descriptor: Int32
    private let name: String
    /// Whether the output may have a reader that stops reading.
    private let hasReader: Bool
    private let written = Mutex(0)

    /// Largest number of bytes of one write to a reader: a slow reader is seen to read after each (``StalledOutput``).
    private static let piece = 4096

    /// - Parameter name: the name for messages.
    package init(descriptor: Int32 = STDOUT_FILENO, name: String = "standard output") {
        self.descriptor = descriptor
        self.name = name
        var status = stat()
        hasReader = unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT != S_IFREG
        // A write to a closed pipe then fails with EPIPE, which can be handled, instead of a signal.
        signal(SIGPIPE, SIG_IGN)
    }

    /// - Throws: ``ReaderGone``, or ``ClassifierError`` `inputOutput` if the write fails, as on a full disk.
    package func write(_ lines: [String]) throws {
        guard !lines.isEmpty else { return }
        try write(lines.flatMap { Self.bytes($0) }, lines: lines.count)
    }

    /// Writes a line and bytes behind it, with no other line between them.
    /// - Throws: as ``write(_:)``.
    package func write(_ line: String, _ bytes: [UInt8]) throws {
        try write(Self.bytes(line) + bytes, lines: 1)
    }

    private func write(_ bytes: [UInt8], lines: Int) throws {
        try written.withLock { written in
            do throws(WriteFailure) {
                try TerminalLine.clear { () throws(WriteFailure) in try write(bytes) }
            } catch {
                if error.isReaderGone { throw ReaderGone() }
                let lines = Quantity.text(written, "line")
                throw ClassifierError(
                    .inputOutput, code: "write", "\(name): \(error) after \(lines); what was written is whole")
            }
            written += lines
        }
    }

    private func write(_ bytes: [UInt8]) throws(WriteFailure) {
        guard hasReader else { return try writeAll(bytes, to: descriptor) }
        for start in stride(from: 0, to: bytes.count, by: Self.piece) {
            let end = min(start + Self.piece, bytes.count)
            let piece = end - start == bytes.count ? bytes : Array(bytes[start..<end])
            try StalledOutput.observe { () throws(WriteFailure) in try writeAll(piece, to: descriptor) }
        }
    }

    private static func bytes(_ line: String) -> [UInt8] { Array(line.utf8) + [UInt8(ascii: "\n")] }
}
