internal import FoundationEssentials
internal import TestSupport
internal import Testing

/// `scripts/check-layers` finds dependencies that point upward, and this repository has none.
@Suite struct LayerTests {
    private static let script = String(Program.models.dropLast("/models".count)) + "/scripts/check-layers"

    private func check(_ files: [String: String]) throws -> Finished {
        let folder = try TemporaryDirectory()
        for (name, text) in files {
            let path = "\(folder.path)/Sources/\(name)"
            let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(filePath: path))
        }
        return try ChildProcess([Self.script, "--picture", folder.path], program: "/usr/bin/python3").wait()
    }

    @Test func repositoryHasNone() throws {
        let finished = try ChildProcess([Self.script], program: "/usr/bin/python3").wait()
        #expect(finished.status == 0 && finished.errors == "", "\(finished.errors)")
    }

    @Test func upwardUsesOfFoldersAreFound() throws {
        let server = "ClassifierServer"
        let files = [
            "\(server)/HTTP/Router.swift": "struct Router { let store: Store }\n",
            "\(server)/State/Store.swift": "struct Store {}\n",
            "\(server)/State/Other.swift": """
            // Router in a comment
            /* and /* a nested */ Router */
            let text = "Router \\"Router"
            struct Inner { struct Page {} }
            func page() -> Inner.Router { .init() }
            """,
        ]
        let good = try check(files)
        #expect(good.status == 0 && good.errors == "" && good.output.contains("HTTP          -> State\n"), "\(good)")
        for (line, use) in [
            ("struct Saver { let router: Router }", 7), ("extension Router {}", 7),
            ("let shown = \"at \\(Router.self)\"", 7), ("\n\nfunc make() -> [Router?] { [] }", 9),
        ] {
            var changed = files
            changed["\(server)/State/Other.swift", default: ""] += "\n\n\(line)\n"
            let bad = try check(changed)
            #expect(bad.status == 1, "\(line)")
            #expect(
                bad.errors
                    == "Sources/\(server)/State/Other.swift:\(use): State uses Router of HTTP, which is above it\n",
                "\(bad.errors)")
        }
        let stray = try check(["\(server)/Elsewhere/A.swift": "struct A {}\n"])
        #expect(stray.status == 1 && stray.errors.contains("Elsewhere has no layer"))
    }

    @Test func upwardImportsOfTargetsAreFound() throws {
        for (target, module, isAllowed) in [
            ("audio-classifierd", "ClassifierServer", true), ("ClassifierServer", "AudioClassifier", true),
            ("AudioClassifier", "StreamTransformer", true), ("Kernels", "CKernels", true),
            ("AudioClassifier", "ClassifierServer", false), ("AudioFrontend", "StreamTransformer", false),
            ("StreamTransformer", "AudioFrontend", false), ("StrictCoding", "Kernels", false),
            ("StreamTransformer", "CKernels", false),
        ] {
            let text = "// a comment\ninternal import \(module)\n"
            let finished = try check(["\(target)/File.swift": text, "\(target)/Other.swift": "import Glibc\n"])
            #expect(finished.status == (isAllowed ? 0 : 1), "\(target) imports \(module): \(finished.errors)")
            let prefix = "Sources/\(target)/File.swift:2: \(target) imports \(module), "
            #expect(isAllowed ? finished.errors == "" : finished.errors.hasPrefix(prefix), "\(finished.errors)")
        }
        let unknown = try check(["Newcomer/File.swift": "struct A {}\n"])
        #expect(unknown.status == 1 && unknown.errors.contains("Newcomer: the target has no layer"))
    }
}
