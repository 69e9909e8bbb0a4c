internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// Output files never replace an input, and are refused before any work is done.
@Suite struct OutputFileTests {
    private let folder: TemporaryDirectory
    private let recording: [UInt8]

    init() throws {
        folder = try TemporaryDirectory()
        recording = WaveFile(Sound.samples(8000)).bytes
        try folder.write(recording, to: "a.wav")
        #expect(unsafe symlink("a.wav", path("link.wav")) == 0)
        #expect(unsafe link(path("a.wav"), path("same.wav")) == 0)
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    @Test(arguments: ["a.wav", "link.wav", "same.wav"])
    func inputsAreNotOverwritten(name: String) throws {
        let features = ["features", path("a.wav"), "--recipe", "yamnet", "--out", path(name)]
        let state = ["run", path("a.wav"), "--state-out", path(name)]
        for arguments in [features, state] {
            let finished = try Program.run(arguments)
            #expect(finished.status == 64 && finished.errors.contains("would overwrite"), "\(finished.errors)")
            #expect(finished.output == "")
            #expect(try folder.read("a.wav") == recording)
        }
    }

    /// A configuration and a list of files are inputs, too.
    @Test func settingsAndListsAreNotOverwritten() throws {
        try folder.write(Array("model: \(Program.model)\n".utf8), to: "c.yaml")
        try folder.write(Array("a.wav\n".utf8), to: "list")
        try folder.write(Array("filename,label\na.wav,yes\n".utf8), to: "t.csv")
        let (configuration, list) = (["--config", path("c.yaml")], ["--files-from", path("list")])
        let evaluate = ["evaluate", path("t.csv")] + configuration
        let cases: [(String, [String])] = [
            ("c.yaml", evaluate + ["--false-events-per-hour", "1", "--write-config"]),
            ("c.yaml", evaluate + ["--output"]), ("c.yaml", evaluate + ["--plot"]),
            ("c.yaml", ["classify", path("a.wav")] + configuration + ["--output"]),
            ("c.yaml", ["classify", path("a.wav")] + configuration + ["--output", path("x"), "--journal"]),
            ("c.yaml", ["run", path("a.wav")] + configuration + ["--state-out"]),
            ("c.yaml", ["report", path("a.wav")] + configuration + ["--output"]),
            ("list", ["classify"] + list + ["--output"]),
        ]
        for (name, arguments) in cases {
            let before = try folder.read(name)
            let finished = try Program.run(arguments + [path(name)])
            #expect(finished.status == 64 && finished.errors.contains("would overwrite"), "\(finished.errors)")
            #expect(try folder.read(name) == before)
        }
    }

    /// A write beyond the largest size of a file fails as one to a full disk does.
    @Test func largestFileIsAnError() throws {
        let words = ["run", path("a.wav"), "--emit", "summary", "--state-out", path("s")].joined(separator: " ")
        let command = "set -o pipefail; ulimit -f 1; '\(Program.path)' \(words) | cat"
        let finished = try ChildProcess(["-c", command], program: "/bin/bash").wait()
        #expect(finished.status == 74 && finished.errors.contains("the state cannot be written"), "\(finished)")
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(left) == ["a.wav", "link.wav", "same.wav"])
    }

    @Test func featuresAreNotOverwritten() throws {
        #expect(
            try Program.run(["features", path("a.wav"), "--model", Program.model, "--out", path("x.npy")]).status == 0)
        let before = try folder.read("x.npy")
        let finished = try Program.run(
            ["encode", "--model", Program.model, "--features", path("x.npy"), "--out", path("x.npy")])
        #expect(finished.status == 64 && finished.errors.contains("would overwrite"), "\(finished.errors)")
        #expect(try folder.read("x.npy") == before)
    }

    /// A device or a FIFO stays: a file is renamed to its name, which would replace it.
    @Test func onlyFilesAreReplaced() throws {
        #expect(unsafe mkfifo(path("fifo"), 0o600) == 0)
        for arguments in [
            ["features", path("a.wav"), "--recipe", "yamnet", "--out"], ["run", path("a.wav"), "--state-out"],
        ] {
            let finished = try Program.run(arguments + [path("fifo")])
            #expect(finished.status == 74 && finished.errors.contains("not a regular file"), "\(finished.errors)")
            var status = stat()
            #expect(unsafe stat(path("fifo"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        }
        let standard = try Program.run(["features", path("a.wav"), "--recipe", "yamnet", "--out", "-"])
        #expect(standard.status == 64 && standard.errors.contains("features go to a file"), "\(standard.errors)")
    }

    /// Results for a pipe wait for its reader, and go to it alone.
    @Test func aPipeGetsTheResults() async throws {
        let fifo = path("fifo")
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        let arguments = ["classify", path("a.wav"), "--model", Program.model]
        let reader = try ChildProcess(["-c", "sleep 1; cat \(fifo)"], program: "/bin/sh")
        let finished = try Program.run(arguments + ["--output", fifo])
        #expect(finished.status == 0, "\(finished.errors)")
        #expect(try reader.wait().output == Program.run(arguments).output)
        let leaver = try ChildProcess(["-c", "head -c 100 \(fifo)"], program: "/bin/sh")
        let left = try Program.run(["classify", path("a.wav"), "--emit", "frames", "--output", fifo])
        #expect(left.status == 0 || left.status == 74, "\(left.errors)")
        #expect(try leaver.wait().output.utf8.count == 100)
    }

    /// The first signal ends the wait for a reader. SIGINT would do so too, unless the tests' shell has it ignored.
    @Test func signalEndsTheWaitForAReader() throws {
        #expect(unsafe mkfifo(path("fifo"), 0o600) == 0)
        let child = try ChildProcess(["classify", path("a.wav"), "--output", path("fifo")])
        usleep(500_000)
        child.send(signal: SIGTERM)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == -SIGTERM && finished.output.isEmpty, "\(finished)")
    }

    /// What is written whole or not at all is left out after a signal, and the message says so.
    @Test(arguments: [["features", "--recipe", "yamnet", "--out"], ["report", "--output"]], [SIGTERM, SIGHUP])
    func signalLeavesNoPartOfAnOutput(words: [String], signal: Int32) throws {
        #expect(unsafe mkfifo(path("fifo"), 0o600) == 0)
        // The tests may have been started with SIGHUP ignored, which programs pass on.
        let start =
            "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
        let child = try ChildProcess(
            ["-c", start, Program.path, words[0], path("fifo")] + words.dropFirst() + [path("x.html")],
            program: "/usr/bin/python3")
        try child.waitForHandler(of: signal)
        child.send(signal: signal)
        try expectStopped(child, path("x.html"), signal)
    }

    @Test func signalLeavesNoPartOfAnEncodedArray() throws {
        let frames = 300_000
        var header = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(frames), 64), }".utf8)
        header += [UInt8](repeating: 0x20, count: 118 - header.count)
        try folder.write([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + header, to: "zeros.npy")
        #expect(unsafe truncate(path("zeros.npy"), off_t(128 + frames * 64 * 4)) == 0)
        let child = try ChildProcess(
            ["encode", "--model", Program.model, "--features", path("zeros.npy"), "--out", path("y.npy")])
        for _ in 0..<3000 where !FileManager.default.fileExists(atPath: path("y.npy.partial")) { usleep(10_000) }
        child.send(signal: SIGTERM)
        try expectStopped(child, path("y.npy"))
    }

    private func expectStopped(_ child: ChildProcess, _ output: String, _ signal: Int32 = SIGTERM) throws {
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == 128 + signal && finished.output == "", "\(finished)")
        #expect(finished.errors.contains("stopped by a signal; \(output) was not written"), "\(finished)")
        #expect(!FileManager.default.fileExists(atPath: output))
        #expect(!FileManager.default.fileExists(atPath: "\(output).partial"))
    }

    /// A stream may last for days, so that an unwritable state is reported at the beginning.
    @Test(arguments: ["missing/x", "a.wav/x", "."])
    func unwritableStatesAreRefusedAtTheStart(name: String) throws {
        let child = try ChildProcess(["run", "-", "--state-out", path(name)], input: .pipe)
        // The input stays open: the program must not wait for its end.
        let finished = try child.wait()
        #expect(finished.status == 74 && finished.output == "", "\(finished)")
        #expect(finished.errors.contains("--state-out \(path(name))"), "\(finished.errors)")
    }

    /// A suspended stream may replace the file of its state.
    @Test func statesMayReplaceThemselves() throws {
        for extra in [[], ["--state-in", path("s")]] {
            #expect(try Program.run(["run", path("a.wav"), "--state-out", path("s")] + extra).status == 0)
        }
    }
}
