/// An incremental parser that finds the file in a `multipart/form-data` body (RFC 7578). A pure value: bytes of
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
    /// Index of the first byte that is not parsed yet.
    private var start = 0
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
        while try parse(into: &file) {}
        buffer.removeFirst(start)
        start = 0
        return file
    }

    /// Parses up to the next change of the state.
    /// - Returns: whether more may follow in the buffer.
    private mutating func parse(into file: inout [UInt8]) throws(Malformed) -> Bool {
        switch state {
        case .done:
            start = buffer.count
            return false
        case .headers:
            guard let end = Self.find(Array("\r\n\r\n".utf8), in: buffer[start...]) else {
                guard buffer.count - start <= Self.largestHeaders else {
                    throw Malformed(message: "the headers of a part are longer than \(Self.largestHeaders) bytes")
                }
                return false
            }
            let isFile = Self.isFile(buffer[start..<end])
            guard !isFile || !hasFile else {
                throw Malformed(message: "the form has several files; send each in a request of its own")
            }
            hasFile = hasFile || isFile
            state = isFile ? .file : .skipped
            start = end + 4
            return true
        case .preamble, .file, .skipped:
            guard let index = Self.find(delimiter, in: buffer[start...]) else {
                // Keeps bytes that may begin a delimiter.
                let safe = max(start, buffer.count - delimiter.count + 1)
                if state == .file { file += buffer[start..<safe] }
                start = safe
                return false
            }
            if state == .file { file += buffer[start..<index] }
            start = index
            let after = index + delimiter.count
            guard buffer.count >= after + 2 else { return false }
            let isLast = buffer[after] == UInt8(ascii: "-") && buffer[after + 1] == UInt8(ascii: "-")
            state = isLast ? .done : .headers
            // The line end after the delimiter is not parsed yet, because the end of a part without headers needs it.
            start = after
            guard isLast || buffer[after...].starts(with: Array("\r\n".utf8)) else {
                throw Malformed(message: "a part's delimiter has no line end after it")
            }
            return true
        }
    }

    /// Whether the body is complete.
    package var isComplete: Bool { state == .done }

    private static func isFile(_ headers: ArraySlice<UInt8>) -> Bool {
        let lines = String(decoding: headers, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let line = lines.first(where: { $0.lowercased().hasPrefix("content-disposition:") }) else { return false }
        let fields = line.split(separator: ";").map { trimmed($0).lowercased() }
        // A browser sends a field in which no file is chosen with an empty name.
        guard !fields.contains("filename=\"\"") else { return false }
        return fields.contains { $0.hasPrefix("filename=") || $0.hasPrefix("filename*=") || $0 == "name=\"file\"" }
    }

    private static func trimmed(_ text: Substring) -> String {
        let rest = text.drop { $0 == " " || $0 == "\t" }
        var result = String(rest)
        while let last = result.last, last == " " || last == "\t" { result.removeLast() }
        return result
    }

    private static func find(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        var start = bytes.startIndex
        while let index = bytes[start...].firstIndex(of: pattern[0]), index + pattern.count <= bytes.endIndex {
            if bytes[index..<index + pattern.count].elementsEqual(pattern) { return index }
            start = index + 1
        }
        return nil
    }
}
