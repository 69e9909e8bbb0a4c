internal import Glibc
internal import TestSupport
internal import Testing

/// Readers that close the output, full disks and closed descriptors.
@Suite struct BrokenOutputTests {
    private let folder: TemporaryDirectory
    private let recording: String

    init() throws {
        folder = try TemporaryDirectory()
        for name in ["a.wav", "b.wav"] { try folder.write(WaveFile(Sound.samples(32000)).bytes, to: name) }
        recording = "\(folder.path)/a.wav"
    }

    private var commands: [[String]] {
        [
            ["run", recording], ["classify", recording, "\(folder.path)/b.wav", "--emit", "frames"],
            ["models", "list"],
            ["models", "show", Program.model], ["run", recording, "--format", "csv"],
            ["models", "verify", Program.model],
            ["--help"], ["run", "--help"], ["--version"], ["--generate-completion-script", "bash"],
        ]
    }

    /// Reads a line and closes the output, as `| head -1` does.
    @Test func readerGoesAway() throws {
        for command in commands {
            let child = try ChildProcess(command, output: .pipe)
            var byte: UInt8 = 0
            while unsafe read(child.outputPipe, &byte, 1) == 1, byte != UInt8(ascii: "\n") {}
            child.closeOutput()
            let finished = try child.wait()
            #expect(finished.status == 0 && finished.errors == "", "\(command): \(finished)")
        }
    }

    @Test func readerOfALiveStreamGoesAway() throws {
        let child = try ChildProcess(["run", "-", "--input-format", "raw"], input: .pipe, output: .pipe)
        child.closeOutput()
        // The program notices it when it writes the first line, while the input is still open.
        try child.write(Sound.raw(Sound.samples(4000)))
        let finished = try child.wait()
        #expect(finished.status == 0 && finished.errors == "", "\(finished)")
    }

    @Test func fullDisk() throws {
        for command in commands {
            let finished = try ChildProcess(command, output: .file("/dev/full")).wait()
            #expect(finished.status == 74, "\(command)")
            #expect(finished.errors.contains("standard output: No space left on device"), "\(finished.errors)")
        }
    }

    @Test func closedDescriptors() throws {
        let deaf = try ChildProcess(["run", "-"], input: .closed).wait()
        #expect(deaf.status == 74 && deaf.errors.contains("standard input: "))
        let mute = try ChildProcess(["run", recording], output: .closed).wait()
        #expect(mute.status == 74 && mute.errors.contains("standard output: "))
        let folderAsInput = try ChildProcess(["run", "-"], input: .file(folder.path, from: 0)).wait()
        #expect(folderAsInput.status == 74 && folderAsInput.errors.contains("standard input: "))
    }

    @Test func unwritableArrays() throws {
        let none = "\(folder.path)/none/x.npy"
        let finished = try Program.run(["features", recording, "--recipe", "yamnet", "--out", none])
        #expect(finished.status == 74 && finished.errors.contains(none))
    }
}
