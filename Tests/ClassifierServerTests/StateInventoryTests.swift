internal import ClassifierServer
internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// The number and the bytes of saved states are bounded.
@Suite struct StateInventoryTests {
    private func inventory(limit: Int, bytes: Int, _ sizes: [Int]) -> StateInventory {
        var inventory = StateInventory(limit: limit, bytes: bytes)
        for (index, size) in sizes.enumerated() {
            inventory.save("s\(index)", .init(bytes: size, modified: Double(index)))
        }
        return inventory
    }

    @Test func oldestStatesMakeRoom() {
        let inventory = inventory(limit: 4, bytes: 100, [10, 20, 30, 40])
        #expect(inventory.bytes == 100 && inventory.count == 4)
        #expect(inventory.removals(for: "new", bytes: 5, sparing: []) == ["s0"], "one too many")
        #expect(inventory.removals(for: "new", bytes: 15, sparing: []) == ["s0", "s1"], "5 bytes too many")
        #expect(inventory.removals(for: "new", bytes: 5, sparing: ["s0"]) == ["s1"])
        #expect(inventory.removals(for: "new", bytes: 5, sparing: ["s0", "s1", "s2", "s3"]) == nil)
        #expect(inventory.removals(for: "new", bytes: 101, sparing: []) == nil, "larger than all states")
        #expect(inventory.removals(for: "new", bytes: .max, sparing: []) == nil)
    }

    @Test func aStateTakesItsOwnPlace() {
        let inventory = inventory(limit: 2, bytes: 100, [50, 50])
        #expect(inventory.removals(for: "s0", bytes: 50, sparing: nil) == [])
        #expect(inventory.removals(for: "s0", bytes: 51, sparing: []) == ["s1"])
        #expect(inventory.removals(for: "s0", bytes: 51, sparing: nil) == nil, "no other state may be removed")
        #expect(inventory.removals(for: "new", bytes: 1, sparing: nil) == nil)
    }

    @Test func replacedAndRemovedStatesAreCounted() {
        var inventory = inventory(limit: 9, bytes: 1000, [10, 20])
        inventory.save("s0", .init(bytes: 5, modified: 9))
        #expect(inventory.bytes == 25)
        inventory.remove("s1")
        inventory.remove("unknown")
        #expect(inventory.bytes == 5 && inventory.count == 1)
        inventory.replace(with: ["a": .init(bytes: 7, modified: 1)])
        #expect(inventory.bytes == 7 && inventory.count == 1)
    }

    /// A service that starts removes what a killed one has left, and not what a neighbour is writing.
    @Test func neighboursFilesAreLeftAlone() throws {
        let folder = try TemporaryDirectory()
        try folder.write([1], to: ".partial-1-killed.state")
        try folder.write([1], to: ".partial-2-neighbour.state")
        try folder.write([1], to: "mic.state")
        let descriptor = unsafe open("\(folder.path)/.partial-2-neighbour.state", O_RDONLY)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX) == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        PartialFile(folder: folder.path).removeAbandoned(among: names)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(left == [".partial-2-neighbour.state", "mic.state"])
    }

    /// States are read from regular files alone; opening a FIFO would wait for its writer.
    @Test func otherThingsAreNoStates() throws {
        let folder = try TemporaryDirectory()
        try folder.write([1, 2, 3], to: "mic.state")
        try folder.write([], to: "none.state")
        #expect(unsafe symlink("mic.state", "\(folder.path)/link.state") == 0)
        #expect(unsafe mkfifo("\(folder.path)/pipe.state", 0o600) == 0)
        #expect(FileAccess.contents(of: "\(folder.path)/mic.state") == [1, 2, 3])
        #expect(FileAccess.contents(of: "\(folder.path)/link.state") == [1, 2, 3])
        #expect(FileAccess.contents(of: "\(folder.path)/none.state") == [])
        for path in ["\(folder.path)/pipe.state", folder.path, "/dev/zero", "\(folder.path)/absent.state"] {
            #expect(FileAccess.contents(of: path) == nil, "\(path)")
        }
    }

    /// Two services that save the same stream write to files of their own.
    @Test func filesTakeTheirPlaceAtOnce() throws {
        let folder = try TemporaryDirectory()
        let writers = [PartialFile(folder: folder.path), PartialFile(folder: folder.path)]
        for round in 0..<50 {
            for writer in writers {
                let bytes = [UInt8](repeating: UInt8(round), count: 10_000)
                #expect(writer.replace("mic.state", with: bytes))
                #expect(try folder.read("mic.state") == bytes)
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["mic.state"])
        #expect(!PartialFile(folder: "\(folder.path)/none").replace("a", with: []) && errno == ENOENT)
    }
}
