internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Bad input gives an exit status, and a message that names the file and the position.
@Suite struct BadInputTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func write(_ bytes: [UInt8], _ name: String) throws -> String {
        try folder.write(bytes, to: name)
        return path(name)
    }

    /// Returns the message of `classify` and `run` about a file: the same from both, and from `classify` also in a
    /// record.
    private func expectRefusal(
        _ path: String, status: Int32, code: String, _ words: String,
        run: ([String]) throws -> Finished = { try Program.run($0) }
    ) throws {
        let many = try run(["classify", path])
        #expect(many.status == status)
        #expect(many.errors.contains(path) && many.errors.contains(words), "\(many.errors)")
        let records = try many.records()
        #expect(records.map { $0["type"] } == ["error"])
        #expect(records.first?["file"] == .string(path))
        #expect(records.first?["code"] == .string(code))
        #expect(records.first?["message"]?.string?.contains(words) == true)
        let one = try run(["run", path])
        #expect(one.status == status)
        #expect(one.errors.contains(path) && one.errors.contains(words), "\(one.errors)")
        _ = try one.records()
    }

    @Test func missing() throws {
        try expectRefusal(path("none.wav"), status: 66, code: "not_found", "No such file")
    }

    @Test func empty() throws {
        try expectRefusal(write([], "empty.wav"), status: 65, code: "decode", "empty")
        let stream = try Program.run(["run", "-"], input: [])
        #expect(stream.status == 65 && stream.output == "")
        #expect(stream.errors.contains("standard input: there is no byte in it"))
        let raw = try Program.run(["run", "-", "--input-format", "raw"], input: [])
        #expect(raw.status == 65 && raw.errors.contains("standard input: there is no sample in it"))
    }

    @Test func unreadable() throws {
        let path = try write(WaveFile(Sound.samples(100)).bytes, "secret.wav")
        #expect(unsafe chmod(path, 0) == 0)
        try expectRefusal(path, status: 66, code: "not_found", "Permission denied") { arguments in
            try Program.runWithoutOverrides(arguments)
        }
    }

    @Test func folderWithoutAudio() throws {
        _ = try write(Array("notes".utf8), "notes.txt")
        let finished = try Program.run(["classify", folder.path])
        #expect(finished.status == 66 && finished.output == "")
        #expect(finished.errors == "audio-classifierd: error: \(folder.path): there is no audio file there\n")
        let stream = try Program.run(["run", folder.path])
        #expect(stream.status == 66 && stream.errors.contains("\(folder.path): is a folder"))
    }

    @Test func text() throws {
        let text = Array(String(repeating: "This is text, whatever its name. ", count: 100).utf8)
        try expectRefusal(write(text, "text.wav"), status: 65, code: "decode", "is text")
        let stream = try Program.run(["run", "-", "--input-format", "wav"], input: text)
        #expect(stream.status == 65 && stream.errors.contains("standard input: the stream does not begin with a WAV"))
    }

    @Test(arguments: [4, 12, 20, 36, 43])
    func cutHeader(length: Int) throws {
        let bytes = Array(WaveFile(Sound.samples(100)).bytes.prefix(length))
        let path = try write(bytes, "cut.wav")
        let file = try Program.run(["classify", path])
        #expect(file.status == 65 && file.errors.contains(path))
        let stream = try Program.run(["run", "-", "--input-format", "wav"], input: bytes)
        #expect(stream.status == 65 && stream.errors.contains("standard input: "))
    }

    /// A cut file is classified up to its end, with a warning about the missing rest.
    @Test func cutData() throws {
        let samples = Sound.samples(8000)
        let whole = try Program.run(["run", "-", "--input-format", "raw"], input: Sound.raw(Array(samples[..<5000])))
        let bytes = Array(WaveFile(samples).bytes.prefix(WaveFile.headerSize + 10000))
        let path = try write(bytes, "cut.wav")
        for (arguments, input) in [(["classify", path, "--emit", "frames"], nil), (["run", "-"], bytes)] {
            let finished = try Program.run(arguments, input: input)
            #expect(finished.status == 0)
            let name = input == nil ? path : "standard input"
            let expected = whole.lines("frame").map {
                input == nil ? $0.replacing("\"stream\":\"audio\"", with: "\"stream\":\"\(path)\"") : $0
            }
            #expect(finished.lines("frame") == expected)
            #expect(finished.errors.contains("\(name) is cut: its header promises 6000 bytes more"))
        }
    }

    @Test func impossibleHeaders() throws {
        var file = WaveFile(Sound.samples(1000))
        file.channels = 0
        try expectRefusal(write(file.bytes, "channels.wav"), status: 65, code: "decode", "hannel")
        var stream = try Program.run(["run", "-"], input: file.bytes)
        #expect(stream.status == 65 && stream.errors.contains("standard input: 0 channels"))
        for rate in [0, 1_000_000_000] {
            file = WaveFile(Sound.samples(1000))
            file.rate = rate
            let path = try write(file.bytes, "rate.wav")
            let finished = try Program.run(["classify", path])
            #expect(finished.status == 65 && finished.errors.contains(path))
            stream = try Program.run(["run", "-"], input: file.bytes)
            #expect(stream.status == 65 && stream.errors.contains("standard input: a sample rate of \(rate) Hz"))
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func sampleThatIsNoNumber(value: Float) throws {
        var samples = Sound.samples(8000).map { Float($0) / 32768 }
        let clean = try Program.run(
            ["run", "-", "--input-format", "raw", "--sample-format", "f32le"], input: Sound.raw(Array(samples[..<5000]))
        )
        samples[5000] = value
        let bytes = WaveFile(samples).bytes
        let path = try write(bytes, "nan.wav")
        try expectRefusal(path, status: 65, code: "non_finite_sample", "sample 5000 (0.313 s)")
        let stream = try Program.run(["run", "-"], input: bytes)
        #expect(stream.status == 65 && stream.errors.contains("standard input: sample 5000"))
        #expect(stream.lines("frame") == clean.lines("frame"), "the predictions before it are reported")
        #expect(stream.lines("end").count == 1)
        #expect(!stream.output.contains("nan") && !stream.output.contains("inf"))
    }

    @Test func hugeSamples() throws {
        var samples = Sound.samples(4000).map { Float($0) / 32768 }
        samples[2000] = .greatestFiniteMagnitude
        let finished = try Program.run(["run", "-"], input: WaveFile(samples).bytes)
        #expect([0, 65].contains(finished.status), "\(finished.errors)")
        _ = try finished.records()
    }

    @Test func writerOfAFIFOEndsEarly() throws {
        let bytes = WaveFile(Sound.samples(8000)).bytes
        for length in [0, 20, WaveFile.headerSize, WaveFile.headerSize + 5001] {
            let fifo = path("fifo-\(length)")
            #expect(unsafe mkfifo(fifo, 0o600) == 0)
            // Opened for reading and writing, which does not wait for the other side, so that the child finds a writer.
            let descriptor = unsafe open(fifo, O_RDWR | O_CLOEXEC)
            let child = try ChildProcess(["run", fifo])
            if length > 0 { #expect(unsafe Glibc.write(descriptor, bytes, length) == length) }
            if length > WaveFile.headerSize {
                try child.waitForOutput { $0.contains("\"frame\"") }
            } else {
                // A child that opened it after the last writer has closed it would wait for another one.
                try child.waitUntilOpen(fifo)
            }
            close(descriptor)
            let finished = try child.wait()
            #expect(finished.errors.contains(fifo))
            #expect(finished.status == (length > WaveFile.headerSize ? 0 : 65), "\(finished.errors)")
            _ = try finished.records()
        }
    }

    private static let half = "standard input ended inside a sample; its last 1 byte was not used"

    @Test func halfASample() throws {
        let samples = Sound.samples(4000)
        let whole = try Program.run(["run", "-"], input: Sound.raw(samples))
        let odd = try Program.run(["run", "-"], input: Sound.raw(samples) + [1])
        #expect(odd.status == 0 && odd.lines.dropLast() == whole.lines.dropLast())
        #expect(odd.lines.last == whole.lines.last.map { $0.dropLast() + ",\"warnings\":[\"\(Self.half)\"]}" })
        #expect(odd.errors.contains("warning: \(Self.half)"))
    }

    @Test func goodFilesAreDoneBesidesBadOnes() throws {
        let good = WaveFile(Sound.samples(8000)).bytes
        var nan = Sound.samples(8000).map { Float($0) / 32768 }
        nan[7000] = .nan
        let paths = [
            try write(good, "1.wav"), path("2.wav"), try write([], "3.wav"), try write(good, "4.wav"),
            try write(Array("text".utf8), "5.wav"), try write(WaveFile(nan).bytes, "6.wav"),
            try write(good, "7 \"x\".wav"),
        ]
        for emission in ["summary", "frames", "events"] {
            for threads in ["1", "3"] {
                let finished = try Program.run(["classify", "--emit", emission, "--threads", threads] + paths)
                #expect(finished.status == 65)
                let records = try finished.records()
                let failed = records.filter { $0["type"] == "error" }.compactMap { $0["file"]?.string }
                #expect(failed == [paths[1], paths[2], paths[4], paths[5]])
                let done = records.filter { $0["type"] == (emission == "summary" ? "summary" : "end") }
                let name = emission == "summary" ? "file" : "stream"
                let expected = emission == "summary" ? [0, 3, 6] : [0, 3, 5, 6]
                #expect(done.compactMap { $0[name]?.string } == expected.map { paths[$0] }, "in the files' order")
                for path in failed { #expect(finished.errors.contains(path)) }
            }
        }
        let allBad = try Program.run(["classify", path("2.wav"), path("8.wav")])
        #expect(allBad.status == 66, "if all files fail, the status is that of the first failure")
        let inAFolder = try Program.run(["classify", folder.path + "/"])
        #expect(inAFolder.status == 65)
        #expect(try inAFolder.records().compactMap { $0["file"]?.string } == [0, 2, 3, 4, 5, 6].map { paths[$0] })
    }
}
