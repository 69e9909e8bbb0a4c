import AudioFrontend
import FoundationEssentials
import TestSupport
import Testing

/// Recordings beside the package, if there are any.
struct RecordingTests {
    private static let data = URL(filePath: #filePath).appending(path: "../../../../shared/data").standardized.path
    private static let voices = "/usr/share/sounds/alsa"

    /// Returns the paths of the files in `folder` with this ending, in a fixed order.
    private static func files(_ folder: String, ending: String) throws -> [String] {
        let found = try FileManager.default.contentsOfDirectory(atPath: folder)
        return found.filter { $0.hasSuffix(ending) }.sorted().map { "\(folder)/\($0)" }
    }

    // The recordings are not part of the package: without them the test is skipped with the reason.
    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: data), "no recordings in ../shared/data"),
        arguments: [("speech-commands/yes", ".ogg"), ("arabic-speech-commands/yes", ".opus")])
    func spokenWord(_ folder: String, _ ending: String) throws {
        let path = try #require(try Self.files("\(Self.data)/\(folder)", ending: ending).first)
        let file = try SoundFile(path: path)
        let read = try Reading(path: path, rate: 16_000)
        #expect(read.failure == nil)
        #expect((14_000...18_000).contains(read.samples.count))
        #expect(read.samples.contains { abs($0) > 0.01 })
        if file.sampleRate == 16_000 {
            let whole = try Libsndfile.decode(path)
            try compareBits(read.samples, with: whole.samples, path)
        }
    }

    // Debian's alsa-utils contains spoken words.
    @Test(.enabled(if: FileManager.default.fileExists(atPath: voices), "no voices of alsa-utils"))
    func voicesOfTheSystem() throws {
        for path in try Self.files(Self.voices, ending: ".wav") {
            let whole = try Libsndfile.decode(path)
            let read = try Reading(path: path, rate: whole.rate) { $0.selection = .channel(1) }
            try compareBits(read.samples, with: Libsndfile.channel(1, of: whole.samples, whole.channels), path)
            let resampled = try Reading(path: path, rate: 16_000)
            let seconds = Double(read.samples.count) / Double(whole.rate)
            #expect(abs(Double(resampled.samples.count) - 16_000 * seconds) <= 1)
        }
    }
}
