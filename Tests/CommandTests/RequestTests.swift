internal import Foundation
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Requests and answers on the pipes of one process.
@Suite struct RequestTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// The command `requests` with the client's side of its pipes.
    private struct Client {
        let child: ChildProcess

        init(_ options: [String] = []) throws { child = try ChildProcess(["requests"] + options, input: .pipe) }

        func send(_ header: String, _ bytes: [UInt8] = []) throws {
            try child.write(Array("\(header)\n".utf8) + bytes)
        }

        /// Ends the input and returns all answers.
        func finish() throws -> Finished {
            child.closeInput()
            return try child.wait()
        }

        /// Waits for the end of a request.
        func wait(for request: String) throws {
            try child.waitForOutput { output in
                output.split(separator: "\n").contains { line in
                    line.hasSuffix("\"request\":\"\(request)\"}")
                        && (line.hasPrefix("{\"type\":\"done\"") || line.hasPrefix("{\"type\":\"error\""))
                }
            }
        }
    }

    /// Lines of a request without the member that names it, and without its end.
    private func lines(_ finished: Finished, of request: String) -> [String] {
        let member = ",\"request\":\"\(request)\"}"
        return finished.lines.filter { $0.hasSuffix(member) && !$0.hasPrefix("{\"type\":\"done\"") }
            .map { $0.dropLast(member.count) + "}" }
    }

    private func recording(_ name: String, seconds: Int = 3, seed: UInt64 = 1) throws -> String {
        try folder.write(WaveFile(Sound.samples(16000 * seconds, seed: seed)).bytes, to: name)
        return "\(folder.path)/\(name)"
    }

    /// The number of bytes may be a text. Names are bytes: two that differ in the form of an accent are two names.
    @Test func namesThatLookAlikeAreTwoStreams() throws {
        let client = try Client()
        let second = Sound.raw(Sound.samples(16000))
        for name in ["\u{E9}", "e\u{301}"] { try client.send("{\"type\":\"open\",\"request\":\"\(name)\"}") }
        for name in ["\u{E9}", "e\u{301}"] {
            let header = "{\"type\":\"push\",\"request\":\"\(name)\",\"bytes\":\"\(second.count)\"}"
            try client.send(header, second)
            try client.send("{\"type\":\"close\",\"request\":\"\(name)\"}")
        }
        let finished = try client.finish()
        #expect(try finished.records("error").isEmpty, "\(finished.output)")
        let done = try finished.records("done").compactMap { $0["request"]?.string.map { Array($0.utf8) } }
        #expect(Set(done) == [Array("\u{E9}".utf8), Array("e\u{301}".utf8)])
    }

    // MARK: Equal to the other commands

    @Test(arguments: [
        ([], ""), (["--emit", "frames", "--every", "7"], ",\"emit\":\"frames\",\"every\":7"),
        (["--emit", "events", "--threshold", "0.05"], ",\"emit\":\"events\",\"threshold\":0.05"),
        (["--window", "1.5", "--top-k", "2"], ",\"window\":1.5,\"top_k\":2"),
        (["--emit", "changes", "--deny", "yes,no"], ",\"emit\":\"changes\",\"deny\":[\"yes\",\"no\"]"),
    ])
    func recordsAreThoseOfClassify(options: [String], members: String) throws {
        let paths = try (0..<6).map { try recording("\($0).wav", seed: UInt64($0)) }
        let flags =
            options == ["--emit", "changes", "--deny", "yes,no"]
            ? ["--emit", "changes", "--deny", "yes", "--deny", "no"] : options
        let client = try Client(["--threads", "3"])
        for (index, path) in paths.enumerated() {
            try client.send("{\"type\":\"classify\",\"request\":\"p\(index)\",\"path\":\"\(path)\"\(members)}")
            let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
            let name = "\"name\":\"\(path)\",\"bytes\":\(bytes.count)"
            try client.send("{\"type\":\"classify\",\"request\":\"b\(index)\",\(name)\(members)}", bytes)
        }
        let finished = try client.finish()
        #expect(finished.status == 0 && finished.errors == "")
        for (index, path) in paths.enumerated() {
            let expected = try Program.run(["classify", path] + flags).lines
            #expect(!expected.isEmpty && lines(finished, of: "p\(index)") == expected)
            #expect(lines(finished, of: "b\(index)") == expected)
        }
        #expect(finished.lines("done").count == 12)
    }

    /// A stream that is cut anywhere equals `run`, also of a container.
    @Test func streamsAreThoseOfRun() throws {
        let samples = Sound.samples(16000 * 3)
        let inputs = [Sound.raw(samples), WaveFile(samples).bytes]
        let client = try Client()
        for index in inputs.indices {
            try client.send("{\"type\":\"open\",\"request\":\"s\(index)\",\"source_name\":\"audio\"}")
        }
        for (index, bytes) in inputs.enumerated() {
            for start in stride(from: 0, to: bytes.count, by: 4567) {
                let piece = Array(bytes[start..<min(start + 4567, bytes.count)])
                try client.send("{\"type\":\"push\",\"request\":\"s\(index)\",\"bytes\":\(piece.count)}", piece)
            }
        }
        try client.send("{\"type\":\"close\",\"request\":\"s0\"}")
        try client.wait(for: "s0")
        let finished = try client.finish()
        #expect(finished.status == 0)
        for (index, bytes) in inputs.enumerated() {
            let expected = try Program.run(["run", "-"], input: bytes).lines
            #expect(expected.count > 70 && lines(finished, of: "s\(index)") == expected)
        }
    }

    @Test func featuresAreThoseOfTheCommand() throws {
        let path = try recording("a.wav", seconds: 20)
        _ = try Program.run(["features", path, "--model", Program.model, "--out", "\(folder.path)/a.npy"])
        let expected = try [UInt8](Data(contentsOf: URL(filePath: "\(folder.path)/a.npy")).dropFirst(128))
        let client = try ChildProcess(["requests"], input: .pipe, output: .file(try fresh("out")))
        try client.write(Array("{\"type\":\"features\",\"request\":\"f\",\"path\":\"\(path)\"}\n".utf8))
        client.closeInput()
        #expect(try client.wait().status == 0)
        var rest = try [UInt8](Data(contentsOf: URL(filePath: "\(folder.path)/out")))[...]
        var features: [UInt8] = []
        var types: [String] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = try JSONDecoder().decode(JSONValue.self, from: Data(rest[..<end]))
            types.append(line["type"]?.string ?? "")
            let count = Int(line["bytes"]?.number ?? 0)
            features += rest[(end + 1)...].prefix(count)
            rest = rest[(end + 1)...].dropFirst(count)
        }
        #expect(types.last == "done" && types.dropLast().allSatisfy { $0 == "features" })
        #expect(!expected.isEmpty && features == expected)
    }

    private func fresh(_ name: String) throws -> String {
        try folder.write([], to: name)
        return "\(folder.path)/\(name)"
    }

    /// `find` names the files that `classify` takes, in its order, and those that it skips.
    @Test func foundFilesAreThoseOfClassify() throws {
        for name in ["b.wav", "a.wav", ".hidden.wav", "c.m4a", "notes.txt"] { _ = try recording(name, seconds: 1) }
        let client = try Client()
        try client.send("{\"type\":\"find\",\"request\":\"f\",\"path\":\"\(folder.path)\"}")
        let found = try client.finish()
        let expected = try Program.run(["classify", folder.path])
        #expect(try found.records("file").map { $0["path"] } == expected.records("summary").map { $0["file"] })
        #expect(lines(found, of: "f").filter { $0.contains("skipped") } == expected.lines("skipped"))
        #expect(try found.records("done").map { $0["hidden"] } == [.number(1)])
    }

    @Test func modelIsDescribed() throws {
        let client = try Client()
        try client.send("{\"type\":\"describe\",\"request\":\"m\"}")
        let model = try #require(try client.finish().records("model").first)
        #expect(model["name"] == .string(Program.model) && model["labels"]?.elements.count == 12)
        #expect(model["rate"] == .number(16000))
    }

    // MARK: Bad input

    /// Every bad request is answered, the process goes on, and the request behind it is complete.
    @Test(arguments: [
        ("not JSON", "JSON object"), ("[1]", "JSON object"), (String(repeating: "[", count: 5000), "JSON object"),
        ("{\"type\":\"classify\"}", "request: expected"), ("{\"type\":\"sing\",\"request\":\"x\"}", "type: expected"),
        ("{\"type\":\"classify\",\"request\":\"x\"}", "one of path"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"-\"}", "standard input"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path_hex\":\"+1\"}", "hexadecimal"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path_hex\":\"2d\"}", "hexadecimal"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"/nowhere.wav\"}", "No such file"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"/tmp\"}", "is a folder"),
        ("{\"type\":\"find\",\"request\":\"x\",\"path\":\"/nowhere\"}", "no such file"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"a\",\"top_q\":3}", "top_k"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"a\",\"top_k\":0}", "from 1"),
        (
            "{\"type\":\"classify\",\"request\":\"x\",\"path\":\"a\",\"top_k\":1e999}",
            "top_k: a number is out of range"
        ),
        ("{\"type\":\"classify\",\"request\":\"x\",\"deny\":[\"a\",-1e999]}", "deny.1: a number is out of range"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"a\",\"deny\":\"yes\"}", "an array of"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"a\",\"emit\":\"frames\",\"window\":1}", "leave out emit"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"a\",\"model\":\"none\"}", "no model"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"bytes\":-1}", "bytes: expected"),
        ("{\"type\":\"classify\",\"request\":\"x\",\"bytes\":1e300}", "bytes: expected"),
        ("{\"type\":\"find\",\"request\":\"x\",\"bytes\":0}", "no bytes"),
        ("{\"type\":\"push\",\"request\":\"x\",\"bytes\":0}", "no open stream"),
        ("{\"type\":\"close\",\"request\":\"x\"}", "no open stream"),
        ("{\"type\":\"open\",\"request\":\"x\",\"sample_format\":\"s7\"}", "sample_format: expected"),
        (
            "{\"type\":\"open\",\"request\":\"x\",\"threshold\":0.3,\"threshold_off\":0.9}",
            "threshold_off 0.9 is above threshold 0.3"
        ),
        ("{\"type\":\"features\",\"request\":\"x\",\"path\":\"a\",\"recipe\":\"soup\"}", "no recipe"),
        ("{\"type\":\"describe\",\"request\":\"x\",\"path\":\"a\"}", "neither a path nor bytes"),
    ])
    func badRequestIsAnswered(header: String, message: String) throws {
        let path = try recording("good.wav", seconds: 1)
        let client = try Client()
        try client.send(header)
        try client.send("{\"type\":\"classify\",\"request\":\"good\",\"path\":\"\(path)\"}")
        let finished = try client.finish()
        #expect(finished.status == 0)
        let errors = try finished.records("error")
        #expect(errors.count == 1 && errors[0]["message"]?.string?.contains(message) == true, "\(finished.output)")
        #expect(lines(finished, of: "good").count == 1 && finished.lines("done").count == 1)
    }

    /// The bytes of a refused request are skipped, so that the next header is found.
    @Test func bytesOfRefusedRequestsAreSkipped() throws {
        let client = try Client()
        let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: 100_000)
        for header in ["\"type\":\"sing\"", "\"type\":\"describe\"", "\"type\":\"push\"", "\"type\":\"classify\""] {
            try client.send("{\(header),\"request\":\"x\",\"bytes\":\(bytes.count)}", bytes)
            try client.wait(for: "x")
        }
        let finished = try client.finish()
        #expect(finished.status == 0 && finished.lines.count == 4, "\(finished.output)")
    }

    @Test func longHeaderIsRefusedAndTheNextTaken() throws {
        let client = try Client()
        try client.send("{\"type\":\"describe\",\"request\":\"\(String(repeating: "x", count: 3_000_000))\"}")
        try client.send("{\"type\":\"describe\",\"request\":\"m\"}")
        let finished = try client.finish()
        #expect(finished.status == 0)
        #expect(finished.lines("error").count == 1 && finished.errors == "")
        #expect(finished.lines("model").count == 1)
    }

    /// A recording that cannot be decoded has the error record of `classify`.
    @Test func undecodableRecordingHasTheErrorOfClassify() throws {
        try folder.write(Array(repeating: 7, count: 5000), to: "bad.wav")
        let path = "\(folder.path)/bad.wav"
        let client = try Client()
        try client.send("{\"type\":\"classify\",\"request\":\"x\",\"path\":\"\(path)\"}")
        let expected = try Program.run(["classify", path]).lines
        #expect(try lines(client.finish(), of: "x") == expected && expected.count == 1)
    }

    @Test func nameOutsideUTF8IsFoundByItsBytes() throws {
        let bytes = Array("\(folder.path)/".utf8) + [0xE9] + Array(".wav".utf8)
        let original = try recording("a.wav")
        #expect(unsafe rename(original, bytes.map(CChar.init(bitPattern:)) + [0]) == 0)
        let client = try Client()
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        try client.send("{\"type\":\"classify\",\"request\":\"x\",\"path_hex\":\"\(digits)\"}")
        #expect(try lines(client.finish(), of: "x") == Program.run(["classify", folder.path]).lines)
    }

    /// Bytes behind the failure of a stream are ignored; the stream has one end.
    @Test func failedStreamHasOneEnd() throws {
        let client = try Client()
        try client.send("{\"type\":\"open\",\"request\":\"s\",\"sample_format\":\"f32le\",\"input_format\":\"raw\"}")
        let bytes = Sound.raw([Float](repeating: .nan, count: 10_000))
        for _ in 0..<20 {
            try client.send("{\"type\":\"push\",\"request\":\"s\",\"bytes\":\(bytes.count)}", bytes)
        }
        try client.wait(for: "s")
        try client.send("{\"type\":\"push\",\"request\":\"s\",\"bytes\":\(bytes.count)}", bytes)
        try client.send("{\"type\":\"close\",\"request\":\"s\"}")
        let finished = try client.finish()
        #expect(finished.status == 0)
        #expect(finished.lines("error").count == 1 && finished.lines("done").isEmpty)
    }

    // MARK: The end

    @Test func requestsUnderWayAreCompletedAtTheEnd() throws {
        let path = try recording("a.wav", seconds: 20)
        let client = try Client(["--threads", "2"])
        for index in 0..<12 { try client.send("{\"type\":\"classify\",\"request\":\"\(index)\",\"path\":\"\(path)\"}") }
        try client.send("{\"type\":\"classify\",\"request\":\"cut\",\"bytes\":1000}", [1, 2, 3])
        let finished = try client.finish()
        #expect(finished.status == 0 && finished.lines("summary").count == 12)
        #expect(try finished.records("error").map { $0["request"]?.string } == ["cut"])
    }

    @Test func nameOfARequestUnderWayIsRefused() throws {
        let client = try Client()
        try client.send("{\"type\":\"open\",\"request\":\"s\"}")
        try client.send("{\"type\":\"open\",\"request\":\"s\"}")
        let errors = try client.finish().records("error")
        #expect(errors.count == 2 && errors[0]["message"]?.string?.contains("not ended") == true)
    }

    /// The end of a stream frees its name.
    @Test func nameOfAnEndedStreamIsFree() throws {
        let client = try Client()
        let bytes = Sound.raw(Sound.samples(1600))
        for round in 1...20 {
            try client.send("{\"type\":\"open\",\"request\":\"s\"}")
            try client.send("{\"type\":\"push\",\"request\":\"s\",\"bytes\":\(bytes.count)}", bytes)
            try client.send("{\"type\":\"close\",\"request\":\"s\"}")
            try client.child.waitForOutput { $0.components(separatedBy: "\"done\"").count == round + 1 }
        }
        #expect(try client.finish().records("error").isEmpty)
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func signalEndsStreamsAndRequests(signal: Int32) throws {
        let client = try Client()
        try client.send("{\"type\":\"open\",\"request\":\"s\"}")
        let bytes = Sound.raw(Sound.samples(16000))
        try client.send("{\"type\":\"push\",\"request\":\"s\",\"bytes\":\(bytes.count)}", bytes)
        try client.child.waitForOutput { $0.contains("\"frame\":20") }
        client.child.send(signal: signal)
        let finished = try client.child.wait()
        #expect(finished.status == 0 && finished.lines("end").count == 1, "\(finished.output)")
    }

    /// A client that goes away ends the process, although its input stays open.
    @Test func closedOutputEndsTheProcess() throws {
        let path = try recording("a.wav", seconds: 60)
        let child = try ChildProcess(["requests"], input: .pipe, output: .pipe)
        child.closeOutput()
        for index in 0..<4 {
            let header = "{\"type\":\"classify\",\"request\":\"\(index)\",\"path\":\"\(path)\",\"emit\":\"frames\"}\n"
            try child.write(Array(header.utf8))
        }
        #expect(try child.wait().status == 0)
    }

    /// A killed process leaves whole lines only.
    @Test func killedProcessLeavesWholeLines() throws {
        let path = try recording("a.wav", seconds: 30)
        let client = try Client()
        for index in 0..<4 {
            try client.send(
                "{\"type\":\"classify\",\"request\":\"\(index)\",\"path\":\"\(path)\",\"emit\":\"frames\"}")
        }
        try client.child.waitForOutput { $0.contains("\"frame\":50") }
        client.child.send(signal: SIGKILL)
        let finished = try client.child.wait()
        #expect(finished.status == -SIGKILL && finished.lines("done").count < 4)
        #expect(try finished.records().count == finished.lines.count)
    }
}
