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
