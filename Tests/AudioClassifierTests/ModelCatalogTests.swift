internal import AudioClassifier
internal import Testing

@Suite struct ModelCatalogTests {
    @Test func nameWithASlashIsAFolder() throws {
        let catalog = ModelCatalog()
        #expect(try catalog.directory(of: "./somewhere") == "./somewhere")
        #expect(try catalog.directory(of: "/a/b") == "/a/b")
        #expect(try catalog.directory(of: ".") == ".")
    }

    @Test func unknownNameIsRefusedWithWhatThereIs() throws {
        let catalog = ModelCatalog()
        let error = try #require(throws: ClassifierError.self) { _ = try catalog.directory(of: "no-such-model") }
        #expect(error.kind == .configuration && error.code == "model_not_found")
        #expect(error.message.contains("\"no-such-model\""))
        for directory in catalog.installed {
            let name = try #require(directory.split(separator: "/").last)
            #expect(error.message.contains(name))
            #expect(try catalog.directory(of: String(name)) == directory)
        }
    }

    /// The working directory, then every folder above the program, then the system.
    @Test func looksBesideTheProgram() {
        let folders = ModelCatalog().folders
        #expect(folders.contains("models"))
        #expect(folders.contains { $0.hasSuffix("/models") && $0.hasPrefix("/") })
        #expect(
            folders.suffix(2) == [
                "/usr/local/share/audio-classifierd/models", "/usr/share/audio-classifierd/models",
            ])
        #expect(Set(folders).count == folders.count)
    }
}
