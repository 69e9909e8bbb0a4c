internal import Foundation
internal import Glibc
internal import TestSupport
internal import Testing

/// Outputs that block for a while, and outputs that share a terminal.
@Suite struct SlowOutputTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// A non-blocking descriptor is waited for without a busy loop, and gets every byte.
    @Test func outputThatDoesNotBlockIsWaitedFor() throws {
        try folder.write(WaveFile(Sound.samples(16000 * 30)).bytes, to: "a.wav")
        let arguments = ["run", "\(folder.path)/a.wav", "--top-k", "12"]
        let expected = try Program.run(arguments)
        #expect(expected.status == 0 && expected.output.utf8.count > 200_000)
        let child = try ChildProcess(arguments, output: .nonBlockingPipe)
        try child.waitUntilOutputIsFull()
        let before = child.processorSeconds
        usleep(1_000_000)
        #expect(child.processorSeconds - before < 0.2, "the program turns while it waits")
        #expect(child.readOutput() == expected.output)
        #expect(try child.wait().status == 0)
    }

    /// The first signal ends a program whose output nobody reads, and says why.
    @Test(arguments: [["run", "--top-k", "12"], ["classify", "--emit", "frames", "--top-k", "12"], ["requests"]])
    func unreadOutputEndsWithTheSignal(_ command: [String]) throws {
        let path = "\(folder.path)/a.wav"
        try folder.write(WaveFile(Sound.samples(16000 * 60)).bytes, to: "a.wav")
        for isBlocking in [true, false] {
            let isService = command == ["requests"]
            let child = try ChildProcess(
                isService ? command : command + [path], input: .pipe, output: isBlocking ? .pipe : .nonBlockingPipe)
            if isService {
                let samples = Sound.raw(Sound.samples(8000))
                let requests = [
                    "{\"type\":\"classify\",\"request\":\"1\",\"path\":\"\(path)\",\"emit\":\"frames\",\"top_k\":12}\n",
                    "{\"type\":\"open\",\"request\":\"2\",\"top_k\":12}\n",
                    "{\"type\":\"push\",\"request\":\"2\",\"bytes\":\(samples.count)}\n",
                ]
                try child.write(Array(requests.joined().utf8) + samples)
            }
            try child.waitUntilOutputIsFull()
            child.send(signal: SIGTERM)
            let finished = try child.wait(atMost: 20)
            #expect(finished.status == 74 && finished.errors.contains("nobody has read the output for 5 s"))
        }
    }

    /// A reader that pauses for a moment after the signal gets all lines.
    @Test func pausedReaderGetsAllLines() throws {
        try folder.write(WaveFile(Sound.samples(16000 * 60)).bytes, to: "a.wav")
        let child = try ChildProcess(["run", "\(folder.path)/a.wav", "--top-k", "12"], output: .pipe)
        try child.waitUntilOutputIsFull()
        child.send(signal: SIGTERM)
        usleep(2_000_000)
        let output = child.readOutput()
        #expect(try child.wait().status == 0)
        #expect(output.split(separator: "\n").last?.hasPrefix("{\"type\":\"end\",") == true)
    }

    /// On a terminal a line of output never begins after the line of progress.
    @Test func linesAndProgressDoNotMix() throws {
        var names: [String] = []
        for index in 0..<20 {
            names.append("\(folder.path)/\(index).wav")
            try folder.write(WaveFile(Sound.samples(8000, seed: UInt64(index))).bytes, to: "\(index).wav")
        }
        let line = ([Program.path, "classify"] + names).map { "'\($0)'" }.joined(separator: " ")
        let finished = try ChildProcess(["-qec", line, "/dev/null"], program: "/usr/bin/script").wait()
        #expect(finished.status == 0)
        let clear = "\r\u{1B}[K"
        #expect(finished.output.contains("\(clear)classify ["), "there is progress")
        let lines = finished.output.unicodeScalars.split(separator: "\n").map(String.init)
        let records = lines.filter { $0.contains("{\"type\":") }
        #expect(records.count == 20)
        for record in records {
            // The terminal finally shows the text after the last removal of the line.
            let shown = record.range(of: clear, options: .backwards).map { record[$0.upperBound...] } ?? record[...]
            #expect(shown.hasPrefix("{\"type\":\"summary\""), "\(record.debugDescription)")
        }
    }
}
