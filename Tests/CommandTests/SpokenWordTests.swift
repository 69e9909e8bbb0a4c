internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The whole program on recordings of a human voice, from a Debian package (alsa-utils, installed by `make setup`).
@Suite struct SpokenWordTests {
    private static let folder = "/usr/share/sounds/alsa"

    private static func areThere(_ names: [String]) -> Bool {
        names.allSatisfy { FileManager.default.fileExists(atPath: "\(folder)/\($0).wav") }
    }

    /// Returns the labels of the events in a recording.
    private func words(_ name: String, _ options: String...) throws -> [String] {
        let finished = try Program.run(["classify", "\(Self.folder)/\(name).wav", "--emit", "events"] + options)
        #expect(finished.status == 0, "\(finished.errors)")
        let events = try finished.records("event")
        #expect(events.filter { $0["phase"] == "start" }.count * 2 == events.count, "every start has an end")
        return events.compactMap { $0["label"]?.string }
    }

    @Test(.enabled(if: areThere(["Front_Left", "Rear_Left"])), arguments: ["Front_Left", "Rear_Left"])
    func left(name: String) throws { #expect(try words(name).contains("left")) }

    @Test(.enabled(if: areThere(["Rear_Right", "Side_Right"])), arguments: ["Rear_Right", "Side_Right"])
    func right(name: String) throws { #expect(try words(name).contains("right")) }

    /// No pause is before the word, and its probability is 0.911: it is an event only if none is asked for.
    @Test(.enabled(if: areThere(["Front_Right"])))
    func wordOfASentence() throws {
        #expect(try words("Front_Right") == [])
        #expect(try words("Front_Right", "--min-rise-db", "0").contains("right"))
    }
}
