package import AudioFrontend
internal import Glibc

extension FileName {
    private static let slash = UInt8(ascii: "/")

    /// Returns the file's address relative to a page in a folder, so that both may move together or lie on a server;
    /// empty for a missing file.
    package func address(from folder: FileName) -> String {
        guard let path = resolved?.parts, let base = folder.resolved?.parts else { return "" }
        let common = zip(path, base).prefix { $0 == $1 }.count
        let up = Array(repeating: "..", count: base.count - common)
        // A first part with a colon would be taken for a scheme.
        return ((up.isEmpty ? ["."] : up) + path.dropFirst(common).map(Self.escaped)).joined(separator: "/")
    }

    private var parts: [ArraySlice<UInt8>] { bytes.split(separator: Self.slash) }

    private static func escaped(_ part: ArraySlice<UInt8>) -> String {
        let kept = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~".utf8)
        return part.map { byte in
            if kept.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.utf8.count < 2 ? "%0\(digits)" : "%\(digits)"
        }.joined()
    }

    /// The absolute name without links; nil for a missing file.
    private var resolved: FileName? {
        guard let path = unsafe withCString({ unsafe realpath($0, nil) }) else { return nil }
        defer { unsafe free(path) }
        return FileName(
            bytes: unsafe Array(UnsafeBufferPointer(start: path, count: strlen(path))).map(UInt8.init(bitPattern:)))
    }
}
