internal import FoundationEssentials
internal import TestSupport
internal import Testing

/// `scripts/check-traps` finds expressions that could stop the program without a reason why they cannot, and this
/// repository has none.
@Suite struct TrapTests {
    private static let script = String(Program.models.dropLast("/models".count)) + "/scripts/check-traps"

    /// Checks a source tree of one file.
    private func check(_ text: String, at name: String = "ClassifierServer/A.swift") throws -> Finished {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/Sources/\(name)"
        let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: path))
        return try ChildProcess([Self.script, "--list", folder.path], program: "/usr/bin/python3").wait()
    }

    @Test func repositoryHasNone() throws {
        let finished = try ChildProcess([Self.script], program: "/usr/bin/python3").wait()
        #expect(finished.status == 0 && finished.errors == "", "\(finished.errors)")
    }

    @Test(arguments: [
        "let a = b!", "let a = b[0]!.c", "let a = f()!", "let a = try! f()", "let a = b as! C",
        "let a = b.unsafelyUnwrapped", "fatalError()", "precondition(a > b)", "preconditionFailure()", "assert(a)",
        "let a = Int(seconds * rate)", "let a = Int64(b.rounded())", "let a = UInt8(Double(b) * 2)",
    ])
    func isFound(_ line: String) throws {
        let bad = try check("func f() {\n    \(line)\n}\n")
        #expect(bad.status == 1 && bad.errors.hasPrefix("Sources/ClassifierServer/A.swift:2: "), "\(bad.errors)")
        for good in ["// Invariant: b is there.\n    \(line)", "\(line)  // Invariant: b is there."] {
            let finished = try check("func f() {\n    \(good)\n}\n")
            #expect(finished.status == 0 && finished.output.hasPrefix("Sources/ClassifierServer/A.swift:"))
        }
        #expect(try check("// Invariant: another one.\nlet other = 1\n\(line)\n").status == 1, "about another line")
    }

    @Test(arguments: [
        "let a = !b", "if a != b {}", "let a = \"b!\"", "// let a = b!", "precondition(a > b, \"a is larger\")",
        "precondition(\n    a > b,\n    \"a is larger\")", "let a = Int(exactly: b.rounded())", "let a = Int(b)",
        "let a = Float(Int16(b))", "let a = b + c",
    ])
    func isNone(_ line: String) throws {
        let good = try check("\(line)\n")
        #expect(good.status == 0 && good.errors == "", "\(good.errors)")
    }

    @Test func arithmeticOfReaders() throws {
        let name = "AudioFrontend/Input/Containers/A.swift"
        for line in ["let a = b + c", "a += b", "let a = b * (c - 1)", "let a = b << c"] {
            let bad = try check("\(line)\n", at: name)
            #expect(bad.status == 1 && bad.errors.contains("\(name):1: arithmetic"), "\(bad.errors)")
            #expect(try check("// Invariant: b has 32 bits.\nlet x = 1\n\(line)\n", at: name).status == 0)
        }
        #expect(try check("let a = b &+ c\n", at: name).status == 0)
    }
}
