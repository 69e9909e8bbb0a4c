package import AudioFrontend
internal import Glibc

extension FileName {
    /// Returns the file's address for a page in a folder: relative if the file is below that folder; empty for a
    /// missing file.
    package func address(from folder: FileName) -> String {
        guard let path = resolved, let base = folder.resolved else { return "" }
        let start = base.bytes + (base.bytes.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")])
        let isBelow = path.bytes.starts(with: start)
        let part = isBelow ? Array(path.bytes.dropFirst(start.count)) : path.bytes
        let kept = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
        let escaped = part.map { byte -> String in
            if kept.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.utf8.count < 2 ? "%0\(digits)" : "%\(digits)"
        }
        return (isBelow ? "./" : "file://") + escaped.joined()
    }

    /// The absolute name without links; nil for a missing file.
    private var resolved: FileName? {
        guard let path = unsafe withCString({ unsafe realpath($0, nil) }) else { return nil }
        defer { unsafe free(path) }
        return FileName(
            bytes: unsafe Array(UnsafeBufferPointer(start: path, count: strlen(path))).map(UInt8.init(bitPattern:)))
    }
}
