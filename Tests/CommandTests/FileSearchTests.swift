internal import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// The files of a folder that are taken, those that are left out, and the messages about them.
@Suite struct FileSearchTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func search(_ name: String) -> FileSearch {
        var search = FileSearch()
        search.add(FileName(path(name)))
        return search
    }

    private func makeFolders(_ names: String...) throws {
        for name in names {
            try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        }
    }

    @Test func findsAudioBelow() throws {
        try makeFolders("a/b/c", "a/a", "a/empty", "a/folder.wav")
        let audio = ["B.WAV", "a/x.flac", "a/y.tar.ogg", "b/c/z.mp3", "folder.wav/in.wav", "z.wav"]
        for name in audio + ["notes.txt", ".hidden.wav", "wav", "a/.wav", "b/x.wav.npy", "b/x.wav~"] {
            try folder.write([1], to: "a/\(name)")
        }
        let found = search("a")
        #expect(found.files.map(\.description) == audio.map { path("a/\($0)") })
        #expect(found.failures.isEmpty && found.warning == nil)
        #expect(search("a/empty").files.isEmpty)
        #expect(search("a/B.WAV").files.map(\.description) == [path("a/B.WAV")])
    }

    @Test func missingFolderIsReported() throws {
        var search = FileSearch()
        search.add(below: FileName(path("missing")))
        let error = try #require(search.failures.first)
        #expect(error.kind == .noInput && error.message.contains("missing") && search.files.isEmpty)
    }

    @Test func otherAudioIsCountedAndNamed() throws {
        try makeFolders("phone")
        for name in ["memo 1.m4a", "memo 2.M4A", "chat.webm", "song.wma"] { try folder.write([1], to: "phone/\(name)") }
        let warning = try #require(search("phone").warning)
        for words in ["4 files were left out", "m4a, webm, wma", "chat.webm.flac"] {
            #expect(warning.contains(words), "\(warning)")
        }
        let finished = try Program.run(["classify", path("phone")])
        #expect(finished.status == 66 && finished.errors.contains("4 files were left out"), "\(finished.errors)")
        let skipped = try finished.records("skipped")
        #expect(
            skipped.map { $0["file"] }
                == ["chat.webm", "memo 1.m4a", "memo 2.M4A", "song.wma"].map { .string(path("phone/\($0)")) })
        #expect(skipped.allSatisfy { $0["code"] == "format" })
        // Every list gives the same remedy, with names as a shell reads them.
        let memo = path("phone/memo 1.m4a")
        #expect(skipped[1]["message"]?.string?.hasSuffix("ffmpeg -i '\(memo)' '\(memo).flac'") == true)
        #expect(finished.errors.contains("ffmpeg -i FILE FILE.flac") && !finished.errors.contains(".wav"))
    }

    /// Special files may wait for a writer or never end, and links may form a circle.
    @Test func onlyRegularFilesAreOpened() throws {
        try makeFolders("a")
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: "a/good.wav")
        #expect(unsafe mkfifo(path("a/pipe.wav"), 0o600) == 0)
        for (name, target) in [("loop.wav", "loop.wav"), ("circle", "."), ("zero.wav", "/dev/zero")] {
            #expect(unsafe symlink(target, path("a/\(name)")) == 0)
        }
        let finished = try Program.run(["classify", path("a"), "--top-k", "1"])
        #expect(finished.status == 65, "the link that leads nowhere is an error: \(finished.errors)")
        #expect(try finished.records("summary").map { $0["file"] } == [.string(path("a/good.wav"))])
        #expect(try finished.records("error").map { $0["file"] } == [.string(path("a/loop.wav"))])
    }

    @Test func closedFoldersAreNamedAndTheRestIsDone() throws {
        try makeFolders("card/closed")
        for name in ["card/a.wav", "card/closed/b.wav"] {
            try folder.write(WaveFile(Sound.samples(4000)).bytes, to: name)
        }
        #expect(unsafe chmod(path("card/closed"), 0) == 0)
        defer { _ = unsafe chmod(path("card/closed"), 0o755) }
        let finished = try Program.runWithoutOverrides(["classify", path("card")])
        #expect(finished.status == 65, "\(finished.errors)")
        #expect(finished.errors.contains("\(path("card/closed")): the folder cannot be read"), "\(finished.errors)")
        #expect(try finished.records("summary").map { $0["file"] } == [.string(path("card/a.wav"))])
    }

    /// Names are bytes: one outside UTF-8 is found, opened, and printed in a form that a shell can read.
    @Test func namesNeedNotBeText() throws {
        try makeFolders("in")
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: "a.wav")
        let name = FileName(bytes: Array("\(path("in"))/l".utf8) + [0xE9] + Array(".wav".utf8))
        #expect(unsafe name.withCString { unsafe rename(path("a.wav"), $0) } == 0)
        let expected = JSONString.of("\(path("in"))/l\\xE9.wav")
        let found = try Program.run(["classify", path("in")])
        #expect(found.status == 0 && found.output.contains("\"file\":\(expected)"), "\(found.output)\(found.errors)")
        // Bash reads it as $'...', as documented.
        let script = "exec \"$0\" \"$@\" $'\(path("in"))/l\\xE9.wav'"
        for command in ["classify", "run"] {
            let named = try ChildProcess(["-c", script, Program.path, command], program: "/bin/bash").wait()
            #expect(named.status == 0 && named.output.contains("\"file\":\(expected)"), "\(named)")
        }
        let features = try Program.run(["features", path("in"), "--recipe", "yamnet", "--out", path("out")])
        #expect(features.status == 0, "\(features.errors)")
        let array = FileName(bytes: Array("\(path("out"))/l".utf8) + [0xE9] + Array(".wav.npy".utf8))
        #expect(unsafe array.withCString { unsafe access($0, R_OK) } == 0)
    }
}

private enum JSONString {
    static func of(_ text: String) -> String { "\"\(text.replacing("\\", with: "\\\\"))\"" }
}
