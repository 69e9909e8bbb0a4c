internal import FoundationEssentials
internal import Testing

/// The threads of `serve` that serve and classify.
@Suite struct ServeLoopTests {
    /// `nice` reaches the threads that classify.
    @Test func loopsHaveThePriorityOfTheProcess() throws {
        let settings = ["listen.http=127.0.0.1:0", "capacity.threads=2"]
        let child = try ChildProcess(
            ["-n", "5", Program.path, "serve"] + settings.flatMap { ["--set", $0] }, program: "/usr/bin/nice")
        try child.waitForErrors { $0.contains("listening on ") }
        let folder = "/proc/\(child.identifier)/task"
        let expected = try niceness("\(folder)/\(child.identifier)")
        var loops = 0
        for task in try FileManager.default.contentsOfDirectory(atPath: folder) {
            guard try contents("\(folder)/\(task)/comm").hasPrefix("NIO-ELT") else { continue }
            loops += 1
            #expect(try niceness("\(folder)/\(task)") == expected)
        }
        #expect(loops == 2)
    }

    private func contents(_ path: String) throws -> String {
        try String(contentsOf: URL(filePath: path), encoding: .utf8)
    }

    /// Returns the niceness of a thread: field 19 of its `stat`, of which field 2 is a name in parentheses.
    private func niceness(_ folder: String) throws -> Int? {
        let fields = try contents("\(folder)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 16 ? Int(fields[16]) : nil
    }
}
