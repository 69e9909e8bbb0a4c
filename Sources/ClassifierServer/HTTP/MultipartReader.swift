/// An incremental parser that finds the first file in a `multipart/form-data` body (RFC 7578). A pure value: bytes of
/// the body in, bytes of the file out.
package struct MultipartReader {
    package struct Malformed: Error {
        package let message: String
    }

    private enum State { case preamble, headers, file, skipped, done }

    /// Largest size of a part's headers in bytes.
    private static let largestHeaders = 16384

    private let delimiter: [UInt8]
    private var state = State.preamble
    private var buffer: [UInt8]
    package private(set) var hasFile = false

    /// - Parameter contentType: the request's content type.
    /// - Returns: nil for another type, or one without a boundary.
    package init?(contentType: String) {
        let parts = contentType.split(separator: ";").map { Self.trimmed($0) }
        guard parts.first?.lowercased() == "multipart/form-data" else { return nil }
        let prefix = "boundary="
        guard var boundary = parts.first(where: { $0.lowercased().hasPrefix(prefix) })?.dropFirst(prefix.count) else {
            return nil
        }
        if boundary.hasPrefix("\"") && boundary.hasSuffix("\"") && boundary.count >= 2 {
            boundary = boundary.dropFirst().dropLast()
        }
        guard (1...70).contains(boundary.utf8.count) else { return nil }
        delimiter = Array("\r\n--\(boundary)".utf8)
        // The first delimiter may have no line end before it.
        buffer = Array("\r\n".utf8)
    }

    /// Parses the next bytes of the body.
    /// - Returns: the next bytes of the file.
    package mutating func push(_ bytes: [UInt8]) throws(Malformed) -> [UInt8] {
        // Invariant: indices and counts are those of bytes in memory.
        buffer += bytes
        var file: [UInt8] = []
        while true {
            switch state {
            case .done:
                buffer = []
                return file
            case .headers:
                guard let end = Self.find(Array("\r\n\r\n".utf8), in: buffer) else {
                    guard buffer.count <= Self.largestHeaders else {
                        throw Malformed(message: "the headers of a part are longer than \(Self.largestHeaders) bytes")
                    }
                    return file
                }
                let isFile = !hasFile && Self.isFile(buffer[..<end])
                hasFile = hasFile || isFile
                state = isFile ? .file : .skipped
                buffer.removeFirst(end + 4)
            case .preamble, .file, .skipped:
                guard let index = Self.find(delimiter, in: buffer) else {
                    // Keeps bytes that may begin a delimiter.
                    let safe = max(0, buffer.count - delimiter.count + 1)
                    if state == .file { file += buffer[..<safe] }
                    buffer.removeFirst(safe)
                    return file
                }
                let after = index + delimiter.count
                guard buffer.count >= after + 2 else {
                    if state == .file { file += buffer[..<index] }
                    buffer.removeFirst(index)
                    return file
                }
                if state == .file { file += buffer[..<index] }
                let isLast = buffer[after] == UInt8(ascii: "-") && buffer[after + 1] == UInt8(ascii: "-")
                state = isLast ? .done : .headers
                buffer.removeFirst(after)
                // The line end after the delimiter stays in the buffer, because the end of a part without headers needs
                // it.
                if !isLast && !buffer.starts(with: Array("\r\n".utf8)) {
                    throw Malformed(message: "a part's delimiter has no line end after it")
                }
            }
        }
    }

    /// Whether the body is complete.
    package var isComplete: Bool { state == .done }

    private static func isFile(_ headers: ArraySlice<UInt8>) -> Bool {
        let lines = String(decoding: headers, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let line = lines.first(where: { $0.lowercased().hasPrefix("content-disposition:") }) else { return false }
        let fields = line.split(separator: ";").map { trimmed($0).lowercased() }
        return fields.contains { $0.hasPrefix("filename=") || $0.hasPrefix("filename*=") || $0 == "name=\"file\"" }
    }

    private static func trimmed(_ text: Substring) -> String {
        let rest = text.drop { $0 == " " || $0 == "\t" }
        var result = String(rest)
        while let last = result.last, last == " " || last == "\t" { result.removeLast() }
        return result
    }

    private static func find(_ pattern: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        var start = 0
        while let index = bytes[start...].firstIndex(of: pattern[0]), index + pattern.count <= bytes.count {
            if bytes[index..<index + pattern.count].elementsEqual(pattern) { return index }
            start = index + 1
        }
        return nil
    }
}
