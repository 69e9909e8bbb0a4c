package import AudioClassifier
package import AudioFrontend
internal import Glibc

/// A writer of a float32 array in NumPy's `.npy` format (version 1.0), row by row.
///
/// The file is written under a temporary name and renamed by ``close()``, so that a half-written array never has the
/// final name.
@safe
package final class NumpyWriter {
    private let path: FileName
    private let temporary: FileName
    private let columns: Int?
    private let streams: Int?
    private var file: UnsafeMutablePointer<FILE>?
    private var values = 0

    /// - Parameters:
    ///   - columns: floats a row, or nil for a one-dimensional array.
    ///   - streams: streams of equally many rows, one after the other, or nil for an array of at most two dimensions.
    package init(path: FileName, columns: Int?, streams: Int? = nil) throws(ClassifierError) {
        self.path = path
        self.columns = columns
        self.streams = streams
        temporary = FileName(bytes: path.bytes + Array(".partial".utf8))
        unsafe file = unsafe temporary.withCString { unsafe fopen($0, "w") }
        guard unsafe file != nil else { throw Self.failure(path) }
        try writeHeader()
    }

    deinit {
        if let file = unsafe file {
            unsafe fclose(file)
            _ = unsafe temporary.withCString { unsafe unlink($0) }
        }
    }

    package func append(_ row: Span<Float>) throws(ClassifierError) {
        guard let file = unsafe file else { return }
        let written = unsafe row.withUnsafeBufferPointer { buffer in
            unsafe fwrite(buffer.baseAddress, MemoryLayout<Float>.stride, buffer.count, file)
        }
        guard written == row.count else { throw Self.failure(path) }
        values += row.count
    }

    /// Completes the header and gives the file its name.
    package func close() throws(ClassifierError) {
        guard let file = unsafe file else { return }
        guard unsafe fseek(file, 0, SEEK_SET) == 0 else { throw Self.failure(path) }
        try writeHeader()
        unsafe self.file = nil
        guard unsafe fclose(file) == 0, rename() else {
            _ = unsafe temporary.withCString { unsafe unlink($0) }
            throw Self.failure(path)
        }
    }

    private func rename() -> Bool {
        unsafe temporary.withCString { temporary in
            unsafe path.withCString { path in unsafe Glibc.rename(temporary, path) == 0 }
        }
    }

    /// Writes the header, padded to 128 bytes for every shape, so that it can be overwritten.
    private func writeHeader() throws(ClassifierError) {
        let rows = columns.map { values / max($0, 1) } ?? values
        let extents = [streams, rows / max(streams ?? 1, 1), columns].compactMap { $0 }.map(String.init)
        let shape = extents.count == 1 ? "(\(extents[0]),)" : "(\(extents.joined(separator: ", ")))"
        var text = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }"
        text += String(repeating: " ", count: 117 - text.utf8.count) + "\n"
        let bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(text.utf8)
        guard unsafe fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Self.failure(path) }
    }

    private static func failure(_ path: FileName) -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "write", "\(path): cannot write: \(unsafe String(cString: strerror(errno)))")
    }
}

/// A float array read from `.npy`: one to three dimensions, float32 or float64, little-endian, rows first.
package struct NumpyArray: Sendable {
    /// Number of streams in an array of three dimensions (streams, rows, columns), otherwise nil.
    package let streams: Int?
    /// Rows of a stream.
    package let rows: Int
    package let columns: Int
    /// (streams, rows, columns).
    package let values: [Float]

    package init(path: FileName) throws(ClassifierError) {
        func wrong(_ reason: String) -> ClassifierError {
            ClassifierError(
                .data, code: "decode",
                "\(path): \(reason); expected a NumPy array of float32 or float64, one row a frame")
        }
        guard let bytes = path.contents else {
            throw ClassifierError(
                .noInput, code: "not_found", "\(path): cannot be read: \(unsafe String(cString: strerror(errno)))")
        }
        guard bytes.count >= 10, bytes[0] == 0x93, bytes[1..<6].elementsEqual("NUMPY".utf8) else {
            throw wrong("is not a .npy file")
        }
        guard (1...3).contains(bytes[6]) else {
            throw wrong("is of version \(bytes[6]); 1 to 3 are known")
        }
        let wide = bytes[6] >= 2
        let length =
            Int(bytes[8]) | Int(bytes[9]) << 8
            | (wide && bytes.count >= 12 ? Int(bytes[10]) << 16 | Int(bytes[11]) << 24 : 0)
        let start = (wide ? 12 : 10) + length
        guard start <= bytes.count else { throw wrong("its header is cut") }
        let (shape, isDouble): ([Int], Bool)
        do {
            (shape, isDouble) = try Self.described(String(decoding: bytes[(wide ? 12 : 10)..<start], as: UTF8.self))
        } catch { throw wrong(error.reason) }
        // Invariant: the product of the extents is that of numbers in memory. Other sums are those of bytes in memory
        // or of one header.
        let size = isDouble ? 8 : 4
        let (count, remainder) = (bytes.count - start).quotientAndRemainder(dividingBy: size)
        guard remainder == 0, shape.product == count else {
            throw wrong("it has not as many numbers as its shape says")
        }
        streams = shape.count == 3 ? shape[0] : nil
        rows = shape.count == 3 ? shape[1] : shape[0]
        columns = shape.count == 1 ? 1 : shape[shape.count - 1]
        values = (0..<count).map { index in
            var pattern: UInt64 = 0
            for byte in 0..<size { pattern |= UInt64(bytes[start + index * size + byte]) << UInt64(8 * byte) }
            return isDouble ? Float(Double(bitPattern: pattern)) : Float(bitPattern: UInt32(pattern))
        }
    }

    private struct Refusal: Error { let reason: String }

    /// Reads a header, a dictionary in Python's notation, as in
    /// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    private static func described(_ header: String) throws(Refusal) -> (shape: [Int], isDouble: Bool) {
        let orders = header.matches(of: /'fortran_order'\s*:\s*(True|False)/).map { $0.1 }
        let shapes = header.matches(of: /'shape'\s*:\s*\(([^()]*)\)/).map { $0.1 }
        guard orders.count == 1, shapes.count == 1 else {
            throw Refusal(reason: "its header is not NumPy's: it has not one fortran_order and one shape")
        }
        guard orders[0] == "False" else {
            throw Refusal(reason: "its columns come first (Fortran order); save np.ascontiguousarray(x)")
        }
        guard let kind = header.firstMatch(of: /'descr'\s*:\s*'([<=>|]?)([a-zA-Z]\d*)'/) else {
            throw Refusal(reason: "its numbers are not floats, but records; save one column for each feature")
        }
        guard kind.1 != ">" else {
            throw Refusal(reason: "its numbers are not little-endian floats; save x.astype('<f4')")
        }
        guard ["f4", "f8"].contains(kind.2) else {
            throw Refusal(reason: "its numbers are not floats of 4 or 8 bytes, but \(kind.2); save x.astype('<f4')")
        }
        return (try extents(shapes[0]), kind.2 == "f8")
    }

    private static func extents(_ text: Substring) throws(Refusal) -> [Int] {
        var words = text.split(separator: ",", omittingEmptySubsequences: false)
        if words.count > 1, words[words.count - 1].allSatisfy(\.isWhitespace) { words.removeLast() }
        let extents = words.compactMap { $0.wholeMatch(of: /\s*(\d+)L?\s*/).flatMap { Int($0.1) } }
        guard extents.count == words.count, (1...3).contains(extents.count), extents.allSatisfy({ $0 < 1 << 30 }) else {
            throw Refusal(reason: "its shape (\(text)) is not (rows, columns) or (streams, rows, columns)")
        }
        return extents
    }
}

extension [Int] {
    /// The product of extents, or nil if it is not an Int.
    fileprivate var product: Int? {
        var product = 1
        for extent in self.sorted() {  // a zero comes first
            let (next, overflow) = product.multipliedReportingOverflow(by: extent)
            guard !overflow else { return nil }
            product = next
        }
        return product
    }
}
