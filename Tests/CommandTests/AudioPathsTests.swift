internal import AudioClassifier
internal import FoundationEssentials
internal import TestSupport
internal import Testing
internal import audio_classifierd

@Suite struct AudioPathsTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func findsAudioBelow() throws {
        for name in ["b/c", "a", "empty"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        let audio = ["B.WAV", "a/x.flac", "a/y.tar.ogg", "b/c/z.mp3", "z.wav"]
        for name in audio + ["notes.txt", ".hidden.wav", "wav", "a/.wav", "b/x.wav.npy", "b/x.wav~"] {
            try folder.write([1], to: name)
        }
        #expect(try AudioPaths.files(below: folder.path) == audio)
        #expect(try AudioPaths.files(below: "\(folder.path)/empty") == [])
    }

    @Test func missingFolderIsRefused() throws {
        let error = try #require(throws: ClassifierError.self) {
            _ = try AudioPaths.files(below: "\(folder.path)/missing")
        }
        #expect(error.kind == .noInput && error.message.contains("missing"))
    }

    @Test func tellsFoldersFromFiles() throws {
        try folder.write([1], to: "file")
        #expect(AudioPaths.isFolder(folder.path))
        #expect(!AudioPaths.isFolder("\(folder.path)/file"))
        #expect(!AudioPaths.isFolder("\(folder.path)/missing"))
    }
}
