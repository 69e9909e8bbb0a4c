internal import AudioClassifier
internal import AudioFrontend

/// The bytes of requests: lines, each with the bytes that it announces behind it.
package struct RequestReader {
    private static let pieceSize = 1 << 16

    private let stream: ByteStream
    private var pending: [UInt8] = []
    /// Offset in `pending` of the next byte.
    private var start = 0
    private var isAtEnd = false

    /// - Parameter interrupt: a descriptor that ends the requests when it becomes readable.
    package init(descriptor: Int32, interrupt: Int32?) {
        stream = ByteStream(descriptor: descriptor, name: "standard input", interrupt: interrupt, owned: false)
    }

    /// Returns the next line without its line break, which the last line may lack; nil at the end.
    /// - Throws: ``RequestFault`` for a line that is too long, after all of it was read.
    mutating func line() throws -> ArraySlice<UInt8>? {
        var searched = start
        var isTooLong = false
        while true {
            let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n"))
            isTooLong = isTooLong || (end ?? pending.count) - start > Request.longestHeader
            if let end {
                defer { start = end + 1 }
                if isTooLong { throw Self.tooLong }
                return pending[start..<end]
            }
            if isTooLong { start = pending.count }
            if isAtEnd {
                defer { start = pending.count }
                if isTooLong { throw Self.tooLong }
                return start < pending.count && !stream.isInterrupted ? pending[start...] : nil
            }
            try readMore()
            searched = start
        }
    }

    /// Hands over the next `count` bytes in pieces.
    /// - Returns: false where the input ends before.
    mutating func payload(_ count: Int, _ body: ([UInt8]) throws -> Void) throws -> Bool {
        var missing = count
        while missing > 0 {
            if start == pending.count {
                guard !isAtEnd else { return false }
                try readMore()
                continue
            }
            let piece = min(missing, pending.count - start)
            let bytes = Array(pending[start..<start + piece])
            start += piece
            missing -= piece
            try body(bytes)
        }
        return true
    }

    private mutating func readMore() throws {
        pending.removeFirst(start)
        start = 0
        isAtEnd = try stream.read(Self.pieceSize, into: &pending) == 0
    }

    private static var tooLong: RequestFault {
        RequestFault(
            request: nil,
            error: ClassifierError(
                .usage, code: "request", "the line of a request is longer than \(Request.longestHeader) bytes"))
    }
}
