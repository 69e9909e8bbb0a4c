package import AudioClassifier
package import AudioFrontend
internal import Glibc

/// A list of names of files, one a line, or with zero bytes between them as `find -print0` writes them.
package enum FileList {
    package enum Separator: Sendable { case line, zero }

    /// Editors of Windows begin a text with it.
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Reads a list from a file, or from standard input for `-`.
    /// - Throws: ``ClassifierError`` `noInput` if it cannot be read, `data` if it is a list of the other kind.
    package static func read(_ list: FileName, _ separator: Separator) throws(ClassifierError) -> [FileName] {
        let source = list.isStandardInput ? FileName("/dev/stdin") : list
        guard let bytes = source.contents else {
            throw ClassifierError(
                .noInput, code: "not_found",
                "\(list): the list of files cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        if separator == .line, bytes.contains(0) {
            throw ClassifierError(
                .data, code: "list", "\(list): the list of files has zero bytes; --files0-from reads such a list")
        }
        let hasMark = separator == .line && bytes.starts(with: Self.byteOrderMark)
        let names = bytes.dropFirst(hasMark ? Self.byteOrderMark.count : 0).split(
            separator: separator == .line ? UInt8(ascii: "\n") : 0)
        return names.map { line in
            // A list from Windows ends its lines with CR and LF.
            let hasReturn = separator == .line && line.last == UInt8(ascii: "\r")
            return FileName(bytes: Array(hasReturn ? line.dropLast() : line))
        }.filter { !$0.bytes.isEmpty }
    }
}
