package import AudioClassifier
package import AudioFrontend
internal import Glibc

/// The lines of a file of results, read piece by piece.
package enum ResultLines {
    /// Bytes of the longest line that is kept.
    private static let longest = 1 << 20

    /// Reads a file, or standard input for `-`.
    /// - Parameters:
    ///   - progress: called with the fraction that is done, if the size is known.
    ///   - line: called with each line that is not empty; with nil for one that is too long.
    /// - Throws: ``ClassifierError`` `noInput` or `inputOutput` if the file cannot be read.
    package static func read(
        _ file: FileName, progress: (Double) -> Void = { _ in },
        line: (ArraySlice<UInt8>?) throws(ClassifierError) -> Void
    ) throws(ClassifierError) {
        let source = file.isStandardInput ? FileName("/dev/stdin") : file
        guard !source.isFolder, let stream = unsafe source.withCString({ unsafe fopen($0, "re") }) else {
            let reason = source.isFolder ? "it is a folder" : unsafe String(cString: strerror(errno))
            throw ClassifierError(.noInput, code: "not_found", "\(file): the results cannot be read: \(reason)")
        }
        defer { unsafe fclose(stream) }
        let size = Double(source.status?.st_size ?? 0)
        var done = 0.0
        var rest: [UInt8] = []
        var isTooLong = false
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        func finish() throws(ClassifierError) {
            if isTooLong { try line(nil) } else if !rest.isEmpty { try line(rest[...]) }
            rest.removeAll(keepingCapacity: true)
            isTooLong = false
        }
        while true {
            let count = unsafe fread(&piece, 1, piece.count, stream)
            var part = piece[..<count]
            while let end = part.firstIndex(of: UInt8(ascii: "\n")) {
                if rest.isEmpty, !isTooLong {
                    if end > part.startIndex { try line(part[..<end]) }
                } else {
                    rest += part[..<end]
                    try finish()
                }
                part = part[(end + 1)...]
            }
            rest += part
            if rest.count > longest {
                isTooLong = true
                rest.removeAll(keepingCapacity: true)
            }
            done += Double(count)
            if size > 0 { progress(done / size) }
            guard count == piece.count else { break }
        }
        guard unsafe ferror(stream) == 0 else {
            throw ClassifierError(
                .inputOutput, code: "read",
                "\(file): the results cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        try finish()
    }
}
