internal import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// Arrays as NumPy writes them: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
@Suite struct NumpyFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private var path: String { "\(folder.path)/x.npy" }

    /// Returns a hand-made file: magic, version, length of the header, header, data.
    private func file(
        version: UInt8 = 1, descr: String = "'<f4'", order: String = "False", shape: String, data: [UInt8]
    ) -> [UInt8] {
        var header = "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }"
        let head = version == 1 ? 10 : 12
        header += String(repeating: " ", count: 63 - (head + header.utf8.count) % 64) + "\n"
        let length = header.utf8.count
        let size = (0..<head - 8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + size + Array(header.utf8) + data
    }

    private func bytes(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
    }

    private func bytes(_ values: [Double]) -> [UInt8] {
        values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) } }
    }

    private func read(_ bytes: [UInt8]) throws -> NumpyArray {
        try folder.write(bytes, to: "x.npy")
        return try NumpyArray(path: FileName(path))
    }

    private func refusal(_ bytes: [UInt8]) throws -> String {
        try folder.write(bytes, to: "x.npy")
        let error = try #require(throws: ClassifierError.self) { _ = try NumpyArray(path: FileName(path)) }
        #expect(error.kind == .data)
        #expect(error.message.contains(path))
        return error.message
    }

    @Test(arguments: [1, 3, 64])
    func whatIsWrittenIsRead(columns: Int) throws {
        var random = SplitMix64(seed: 4)
        var values = random.normals(columns * 7)
        values[0] = -0.0
        let writer = try NumpyWriter(path: FileName(path), columns: columns)
        for row in 0..<7 { try writer.append(values.span.extracting(row * columns..<(row + 1) * columns)) }
        #expect(!FileManager.default.fileExists(atPath: path), "an incomplete file does not have the final name")
        try writer.close()
        let array = try NumpyArray(path: FileName(path))
        #expect(array.rows == 7 && array.columns == columns)
        try compareBits(array.values, with: values, "an array")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.npy"])
    }

    @Test func writesWhatNumPyWrites() throws {
        let writer = try NumpyWriter(path: FileName(path), columns: 2)
        let values: [Float] = [1, 2, 3, 4, 5, 6]
        try writer.append(values.span)
        try writer.close()
        let written = try folder.read("x.npy")
        #expect(written == file(shape: "(3, 2)", data: bytes(values)))
        #expect((written.count - 24).isMultiple(of: 64), "the numbers are aligned")
    }

    @Test func threeDimensions() throws {
        let writer = try NumpyWriter(path: FileName(path), columns: 2, streams: 3)
        let values: [Float] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
        try writer.append(values.span)
        try writer.close()
        #expect(try folder.read("x.npy") == file(shape: "(3, 2, 2)", data: bytes(values)))
        let array = try NumpyArray(path: FileName(path))
        #expect(array.streams == 3 && array.rows == 2 && array.columns == 2 && array.values == values)
    }

    @Test func oneDimension() throws {
        let writer = try NumpyWriter(path: FileName(path), columns: nil)
        let values: [Float] = [1, -2, 3]
        try writer.append(values.span)
        try writer.close()
        #expect(try folder.read("x.npy") == file(shape: "(3,)", data: bytes(values)))
        let array = try NumpyArray(path: FileName(path))
        #expect(array.rows == 3 && array.columns == 1 && array.values == values)
    }

    @Test func emptyArray() throws {
        try NumpyWriter(path: FileName(path), columns: 5).close()
        let array = try NumpyArray(path: FileName(path))
        #expect(array.rows == 0 && array.columns == 5 && array.values.isEmpty)
    }

    @Test func abandonedFileIsRemoved() throws {
        do {
            let writer = try NumpyWriter(path: FileName(path), columns: 1)
            let values: [Float] = [1]
            try writer.append(values.span)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func impossiblePathIsRefused() throws {
        let error = try #require(throws: ClassifierError.self) {
            _ = try NumpyWriter(path: FileName("\(folder.path)/missing/x.npy"), columns: 1)
        }
        #expect(error.kind == .inputOutput && error.message.contains("missing/x.npy"))
        let missing = try #require(throws: ClassifierError.self) { _ = try NumpyArray(path: FileName(path)) }
        #expect(missing.kind == .noInput && missing.message.contains(path))
    }

    @Test(arguments: [UInt8(1), 2, 3])
    func everyVersionIsRead(version: UInt8) throws {
        let array = try read(file(version: version, shape: "(2, 3)", data: bytes([1, 2, 3, 4, 5, 6] as [Float])))
        #expect(array.rows == 2 && array.columns == 3 && array.values == [1, 2, 3, 4, 5, 6])
    }

    /// Headers that NumPy reads, too: without spaces, of this machine's order of bytes, of Python 2.
    @Test func otherNotations() throws {
        let four = bytes([1, 2, 3, 4] as [Float])
        for whole in [
            file(descr: "'=f4'", shape: "(2,2)", data: four), file(shape: "(2L, 2L)", data: four),
            file(shape: "( 2 , 2 , )", data: four),
        ] { #expect(try read(whole).rows == 2) }
    }

    @Test func doublesAreRead() throws {
        let array = try read(file(descr: "'<f8'", shape: "(1, 3)", data: bytes([0.1, -1e300, 1] as [Double])))
        #expect(array.values == [Float(0.1), -.infinity, 1])
    }

    @Test func otherArraysAreRefused() throws {
        let four = bytes([1, 2, 3, 4] as [Float])
        #expect(try refusal(file(order: "True", shape: "(2, 2)", data: four)).contains("np.ascontiguousarray"))
        #expect(try refusal(file(version: 9, shape: "(2, 2)", data: four)).contains("version 9"))
        #expect(try refusal(file(order: "False, 'shape': (4, 1)", shape: "(2, 2)", data: four)).contains("one shape"))
        for descr in ["'>f4'", "'<i4'", "'<f2'", "'|O'", "[('a', '<f2')]"] {
            let reason = try refusal(file(descr: descr, shape: "(2, 2)", data: four))
            #expect(reason.contains("its numbers are not"), "\(reason)")
        }
        for shape in [
            "()", "(1, 1, 2, 2)", "(-2, -2)", "(x,)", "(99999999999, 0)", "(99999999999999999999999, 2, 2)",
            "(2.0, 2, 2)", "('x', 2, 2)", "(-, 2, 2)", "(2,,2)", "(,)", "(2 2)",
        ] {
            #expect(try refusal(file(shape: shape, data: four)).contains("shape"), "\(shape)")
        }
        #expect(try refusal(file(shape: "2, 2", data: four)).contains("shape"))
        for shape in [
            "(2, 3)", "(2, 1)", "(0, 2)", "(1073741823, 1073741823)", "(4294967295, 4294967295)",
            "(2, 2, 2)", "(1073741823, 1073741823, 1073741823)", "(1073741823, 0, 1)",
        ] {
            #expect(try refusal(file(shape: shape, data: four)).contains("shape"), "\(shape) of 4 numbers")
        }
    }

    @Test func cutFileIsRefused() throws {
        for version in [UInt8(1), 2] {
            let whole = file(version: version, shape: "(2, 2)", data: bytes([1, 2, 3, 4] as [Float]))
            for length in 0..<whole.count { _ = try refusal(Array(whole[..<length])) }
            #expect(try refusal(whole + [0]).contains("as many numbers"))
        }
        #expect(try refusal(Array("this is no array, but text".utf8)).contains("not a .npy file"))
    }
}
