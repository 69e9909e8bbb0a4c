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
