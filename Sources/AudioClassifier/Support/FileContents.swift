internal import Glibc

/// Reads whole small files.
package enum FileContents {
    /// A file that cannot be read, with the system's reason.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package static func bytes(of path: String) throws(Failure) -> [UInt8] {
        guard let file = unsafe fopen(path, "re") else { throw failure() }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe fread(&chunk, 1, chunk.count, file)
            bytes += chunk[..<count]
            if unsafe ferror(file) != 0 { throw failure() }
            if count < chunk.count { return bytes }
        }
    }

    /// The contents of a file in UTF-8.
    package static func text(of path: String) throws(Failure) -> String {
        guard let text = String(validating: try bytes(of: path), as: UTF8.self) else {
            throw Failure(description: "it is not UTF-8")
        }
        return text
    }

    private static func failure() -> Failure { Failure(description: unsafe String(cString: strerror(errno))) }
}
