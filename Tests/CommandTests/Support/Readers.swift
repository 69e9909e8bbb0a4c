internal import Testing

/// Python with independent readers of the program's formats.
enum Readers {
    private static let python =
        Program.models.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        .joined(separator: "/") + "/.venv-readers/bin/python"

    /// Runs a Python script.
    /// - Returns: its output, or nil after the failure of a test.
    static func run(_ script: String, _ arguments: [String]) throws -> String? {
        let finished = try? ChildProcess(["-c", script] + arguments, program: python).wait(atMost: 120)
        guard let finished else {
            Issue.record("\(python) does not run; scripts/reader-environment installs it")
            return nil
        }
        #expect(finished.status == 0, "\(finished.errors)")
        return finished.status == 0 ? finished.output : nil
    }
}
