internal import AudioClassifier
package import AudioFrontend

/// Features as text, a frame a line: numbers between spaces, tabs, commas or semicolons, with or without brackets
/// around them. Empty lines and lines that begin with `#` are skipped.
package struct FeatureLines {
    /// Number of the last line that was read; the first is 1.
    package private(set) var line = 0
    private let stream: ByteStream
    private let width: Int
    private var pending: [UInt8] = []
    /// Offset in `pending` of the next line.
    private var start = 0
    private var isAtEnd = false

    /// Longest line: a hundred characters a feature.
    private var longestLine: Int { 4096 + 100 * width }

    /// - Parameter width: features a frame.
    package init(_ stream: ByteStream, width: Int) {
        self.stream = stream
        self.width = width
    }

    /// Reads the next frame, as soon as its line is complete.
    /// - Returns: false at the end of the stream.
    /// - Throws: ``ClassifierError`` with the number of a line that is not a frame.
    package mutating func next(into frame: inout [Float]) throws -> Bool {
        while let bytes = try nextLine() {
            line += 1
            let text = bytes.drop { Self.isSpace($0) }
            if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
            try parse(text, into: &frame)
            return true
        }
        return false
    }

    /// Returns the next line without its line break, which the last line may lack.
    private mutating func nextLine() throws -> ArraySlice<UInt8>? {
        var searched = start
        while true {
            if let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return pending[start..<end]
            }
            searched = pending.count
            guard searched - start <= longestLine else {
                line += 1
                throw wrong("is longer than \(longestLine) characters")
            }
            if isAtEnd {
                guard start < pending.count, !stream.isInterrupted else { return nil }
                defer { start = pending.count }
                return pending[start...]
            }
            if start > 0 {
                pending.removeFirst(start)
                (searched, start) = (searched - start, 0)
            }
            isAtEnd = try stream.read(1 << 16, into: &pending) == 0
        }
    }

    private func parse(_ text: ArraySlice<UInt8>, into frame: inout [Float]) throws {
        frame.removeAll(keepingCapacity: true)
        for word in text.split(whereSeparator: Self.isSeparator) {
            guard let value = Float(String(decoding: word, as: UTF8.self)) else {
                let shown = String(decoding: word.prefix(40), as: UTF8.self)
                throw wrong("feature \(frame.count) is \"\(shown)\", which is no number")
            }
            guard frame.count < width else { throw wrong("has more than \(width) features") }
            frame.append(value)
        }
        guard frame.count == width else { throw wrong("has \(frame.count) features, the model takes \(width)") }
    }

    private func wrong(_ reason: String) -> ClassifierError {
        ClassifierError(
            .data, code: "features",
            "\(stream.name), line \(line): \(reason); a line holds the \(width) numbers of a frame, the "
                + "lines before it are done"
        )
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "[")
            || byte == UInt8(ascii: "]")
    }
}
