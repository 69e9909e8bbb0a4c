internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// `encode` on features that are not audio: from an array, and line by line.
@Suite struct EncodeStreamTests {
    private let model: TemporaryModel
    private let shape: ModelShape

    init() throws {
        var shape = ModelShape()
        (shape.bands, shape.stem) = (300, .linear(frames: 2))
        self.shape = shape
        model = try TemporaryModel(shape)
    }

    private func lines(_ frames: [[Float]], separator: String = " ") -> [UInt8] {
        Array(frames.map { $0.map { "\($0)" }.joined(separator: separator) + "\n" }.joined().utf8)
    }

    private func encode(_ arguments: [String], input: [UInt8]) throws -> Finished {
        try Program.run(["encode", "--model", model.directory, "--features", "-"] + arguments, input: input)
    }

    private func logits(_ finished: Finished) throws -> [[Double]] {
        try finished.records("frame").map { record in
            try #require(record["logits"]?.elements).compactMap(\.number)
        }
    }

    /// Logits agree with the oracle for every separator of the numbers, with comments and empty lines.
    @Test(arguments: [" ", ",", ", ", "\t", ";"]) func agreesWithTheOracle(_ separator: String) throws {
        let frames = shape.frames(tokens: 3 * shape.window, seed: 1)
        var input = lines(frames, separator: separator)
        input = Array("# features\n\n".utf8) + input + Array("   \n".utf8)
        let finished = try encode(["--scores", "logits"], input: input)
        #expect(finished.status == 0, "\(finished.errors)")
        let expected = try model.oracle.run(frames).logits
        let observed = try logits(finished)
        try #require(observed.count == expected.count)
        for t in expected.indices {
            try compare(observed[t].map(Float.init), with: expected[t], absolute: 1e-4, "token \(t)")
        }
        let records = try finished.records("frame")
        for (t, record) in records.enumerated() {
            #expect(record["frame"] == .number(Double(t)) && record["row"] == .number(Double(2 * t + 1)))
            #expect(record["warm"] == .bool(t + 1 >= shape.window))
        }
        #expect(try finished.records("end").first?["frames"] == .number(Double(expected.count)))
    }

    /// JSON arrays, and a last line without an end.
    @Test func bracketsAreAllowed() throws {
        let frames = shape.frames(tokens: 2, seed: 2)
        let text = frames.map { "[" + $0.map { "\($0)" }.joined(separator: ", ") + "]" }.joined(separator: "\n")
        let plain = try encode(["--scores", "logits"], input: lines(frames))
        let bracketed = try encode(["--scores", "logits"], input: Array(text.utf8))
        #expect(plain.output == bracketed.output && plain.status == 0)
    }

    /// Lines and arrays give the same logits, bit for bit.
    @Test func linesEqualArrays() throws {
        let folder = try TemporaryDirectory()
        let frames = shape.frames(tokens: 20, seed: 3)
        let fromLines = try encode(["--out", "\(folder.path)/lines.npy"], input: lines(frames))
        #expect(fromLines.status == 0 && fromLines.output == "")
        try folder.write(npy(frames), to: "x.npy")
        let arguments = ["encode", "--model", model.directory, "--features", "\(folder.path)/x.npy"]
        #expect(try Program.run(arguments + ["--out", "\(folder.path)/array.npy"]).status == 0)
        #expect(try folder.read("lines.npy") == folder.read("array.npy"))
        let toLines = try Program.run(arguments + ["--scores", "logits"])
        #expect(try toLines.output == encode(["--scores", "logits"], input: lines(frames)).output)
    }

    /// An array of many streams gives the logits of each, bit for bit; a refused frame is named by its stream.
    @Test func manyStreams() throws {
        let folder = try TemporaryDirectory()
        var streams: [[[Float]]] = (0..<3).map { shape.frames(tokens: 2 * shape.window, seed: 20 + UInt64($0)) }
        let (length, width) = (streams[0].count, shape.bands)
        func run(_ name: String, _ bytes: [UInt8], _ arguments: [String]) throws -> Finished {
            try folder.write(bytes, to: name)
            return try Program.run(
                ["encode", "--model", model.directory, "--features", "\(folder.path)/\(name)"] + arguments)
        }
        func together() -> [UInt8] { npy(Array(streams.joined()), shape: "(3, \(length), \(width))") }
        #expect(try run("all.npy", together(), ["--out", "\(folder.path)/all.out.npy"]).status == 0)
        var expected: [UInt8] = []
        for (index, frames) in streams.enumerated() {
            #expect(try run("\(index).npy", npy(frames), ["--out", "\(folder.path)/one.npy"]).status == 0)
            expected += try folder.read("one.npy")[128...]
        }
        let found = try folder.read("all.out.npy")
        #expect(Array(found[128...]) == expected)
        let header = String(decoding: found[10..<128], as: UTF8.self)
        #expect(header.contains("(3, \(2 * shape.window), \(shape.labels))"), "\(header)")

        let toLines = try run("all.npy", together(), [])
        #expect(toLines.status == 64 && toLines.output == "" && toLines.errors.contains("--out FILE.npy"))
        streams[1][3][0] = .nan
        let refused = try run("bad.npy", together(), ["--out", "\(folder.path)/bad.out.npy"])
        #expect(refused.status == 65 && refused.errors.contains("bad.npy, stream 1: "), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/bad.out.npy"))
    }

    /// Probabilities sum to one, and the first labels are those with the greatest logits.
    @Test func scores() throws {
        let input = lines(shape.frames(tokens: 5, seed: 4))
        let logits = try logits(encode(["--scores", "logits"], input: input))
        for (record, logits) in zip(try encode(["--scores", "probabilities"], input: input).records("frame"), logits) {
            let values = try #require(record["probabilities"]?.elements)
            try compare(
                values.compactMap(\.number).map(Float.init), with: softmax(logits), absolute: 1e-6, "probabilities")
        }
        for (record, logits) in zip(try encode(["--top-k", "2"], input: input).records("frame"), logits) {
            let top = try #require(record["top"]?.elements)
            let order = logits.indices.sorted { logits[$0] > logits[$1] }
            #expect(top.map { $0["label"]?.string } == order.prefix(2).map { "label \($0)" })
        }
    }

    /// A prediction is written as soon as its line has arrived, and not before.
    @Test func linesAreAnsweredAtOnce() throws {
        let frames = shape.frames(tokens: 6, seed: 5)
        let child = try ChildProcess(
            ["encode", "--model", model.directory, "--features", "-", "--source-name", "camera"], input: .pipe)
        func count(_ output: String) -> Int { output.split(separator: "\n").filter { $0.contains("\"frame\",") }.count }
        for (index, frame) in frames.enumerated() {
            let line = lines([frame])
            try child.write(Array(line.dropLast()))
            usleep(2000)
            #expect(count(child.outputSoFar) == index / 2)
            try child.write([UInt8(ascii: "\n")])
            if index % 2 == 1 { try child.waitForOutput { count($0) == (index + 1) / 2 } }
        }
        child.send(signal: SIGTERM)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == 0 && finished.errors == "")
        #expect(try finished.records("end").first?["stream"] == "camera")
    }

    /// For every fault of a line, the lines before it are answered, and the message gives the line and the fault.
    @Test func badLines() throws {
        let good = shape.frames(tokens: 3, seed: 6)
        func bad(_ change: (inout [String]) -> Void) -> [UInt8] {
            var words = good[0].map { "\($0)" }
            change(&words)
            return Array((words.joined(separator: " ") + "\n").utf8)
        }
        let cases: [([UInt8], String)] = [
            (bad { $0[7] = "seven" }, "line 7: feature 7 is \"seven\", which is no number"),
            (bad { $0[299] = "nan" }, "line 7: frame 6, feature 299 is nan"),
            (bad { $0[0] = "-inf" }, "line 7: frame 6, feature 0 is -inf"),
            (bad { $0[2] = "1e9" }, "feature 2 is 1e+09"),
            (bad { $0.removeLast() }, "line 7: has 299 features, the model takes 300"),
            (bad { $0.append("1") }, "line 7: has more than 300 features"),
            ([UInt8](repeating: UInt8(ascii: "1"), count: 200_000), "line 7: is longer than"),
            ([0xFF, 0xFE, 0, 10], "line 7: feature 0 is"),
        ]
        for (line, words) in cases {
            let finished = try encode([], input: lines(good) + line + lines(good))
            #expect(finished.status == 65 && finished.errors.contains(words), "\(finished.errors)")
            #expect(finished.lines("frame").count == 3 && finished.lines("end").count == 1)
            let records = try finished.records("error")
            #expect(records.count == 1 && records[0]["message"]?.string?.contains(words) == true)
            let folder = try TemporaryDirectory()
            let array = try encode(["--out", "\(folder.path)/y.npy"], input: lines(good) + line)
            #expect(array.status == 65)
            #expect(try folder.read("y.npy").count == 128 + 4 * 3 * shape.labels, "the logits before it are kept")
        }
    }

    @Test func nothingAtAll() throws {
        let finished = try encode([], input: [])
        #expect(finished.status == 0 && finished.lines("frame").isEmpty && finished.lines("end").count == 1)
    }

    /// A NumPy array (frames, bands) of float32, by the format's definition.
    private func npy(_ frames: [[Float]], shape: String? = nil) -> [UInt8] {
        let shape = shape ?? "(\(frames.count), \(frames[0].count))"
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }"
        header += String(repeating: " ", count: 117 - header.count) + "\n"
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8)
        for value in frames.joined() {
            let pattern = value.bitPattern
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: pattern >> (8 * $0)) }
        }
        return bytes
    }
}
