internal import AudioFrontend
internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Runs of `classify` that are stopped, killed, or short of disk space, and go on.
@Suite struct JournalTests {
    private let folder: TemporaryDirectory
    private let count = 30

    init() throws {
        folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: path("in"), withIntermediateDirectories: true)
        for index in 0..<count {
            let bytes = WaveFile(Sound.samples(index % 7 == 3 ? 0 : 16000, seed: UInt64(index))).bytes
            try folder.write(bytes, to: "in/\(100 + index).wav")
        }
        // A run that also gets this file waits in it, behind all others.
        #expect(unsafe mkfifo(path("fifo"), 0o600) == 0)
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func text(_ name: String) throws -> String {
        try String(contentsOf: URL(filePath: path(name)), encoding: .utf8)
    }

    private func command(_ options: String...) -> [String] {
        ["classify", path("in"), "--output", path("out"), "--journal", path("journal")] + options
    }

    /// Waits until the journal notes more than so many files.
    private func waitForNotes(_ child: ChildProcess, _ count: Int) throws {
        for _ in 0..<60_000 {
            if let notes = try? text("journal"), notes.utf8.count(where: { $0 == 10 }) > count { return }
            try #require(!child.hasEnded(), "\(child.errorsSoFar)")
            usleep(1000)
        }
        Issue.record("the journal does not note \(count) files")
    }

    /// The results of a killed run that goes on are those of a run that nothing disturbed, byte for byte.
    @Test(arguments: [
        ["--emit", "frames"], ["--emit", "summary", "--format", "csv"], ["--format", "raven", "--threshold", "0.01"],
    ])
    func killedRunGoesOn(options: [String]) throws {
        let whole = try Program.run(["classify", path("in")] + options)
        #expect(whole.status == 65, "some files have no sample")
        let arguments = ["classify", path("in"), "--output", path("out"), "--journal", path("journal")] + options
        for notes in [1, 10, 20] {
            let child = try ChildProcess(arguments + ["--threads", "2", path("fifo")])
            try waitForNotes(child, notes)
            child.send(signal: SIGKILL)
            #expect(try child.wait().status == -SIGKILL)
        }
        let last = try Program.run(arguments)
        #expect(last.status == 65 && last.errors.contains("files were done before"), "\(last.errors)")
        #expect(try text("out") == whole.output)
        #expect(
            last.errors.contains("26 of 30 files done, 4 failed, 0 skipped"), "failures of all runs: \(last.errors)")
        // Everything is done: nothing is written any more.
        #expect(try Program.run(arguments).status == 65)
        #expect(try text("out") == whole.output)
    }

    /// Both halves of a write that a kill has cut are repaired.
    @Test func cutLinesAreRepaired() throws {
        let whole = try Program.run(["classify", path("in")])
        #expect(try Program.run(command()).status == 65)
        let journal = Array(try text("journal").utf8)
        for length in [journal.count - 5, journal.count / 2, 40, 0] {
            try folder.write(Array(journal[..<length]), to: "journal")
            try folder.write(Array((whole.output + "{\"type\":\"summ").utf8), to: "out")
            #expect(try Program.run(command()).status == 65)
            #expect(try text("out") == whole.output, "\(length) bytes")
        }
    }

    /// A mistyped journal does not remove the results of another run.
    @Test func newJournalRefusesAnotherRunsOutput() throws {
        #expect(try Program.run(command()).status == 65)
        let results = try text("out")
        let mistyped = try Program.run(["classify", path("in"), "--output", path("out"), "--journal", path("jurnal")])
        #expect(mistyped.status == 65 && mistyped.errors.contains("knows nothing"), "\(mistyped.errors)")
        #expect(try text("out") == results)
        #expect(!FileManager.default.fileExists(atPath: path("jurnal")))
    }

    @Test func interruptedRunSaysHowToGoOn() throws {
        let whole = try Program.run(["classify", path("in"), "--emit", "frames"])
        let child = try ChildProcess(command("--emit", "frames", "--threads", "1", path("fifo")))
        try waitForNotes(child, 5)
        child.send(signal: SIGINT)
        let finished = try child.wait()
        #expect(finished.status == 130 && finished.errors.contains("the same command goes on"), "\(finished)")
        let done = try text("out")
        #expect(whole.output.hasPrefix(done) && done.hasSuffix("\n"), "files that were not complete are left out")
        #expect(try Program.run(command("--emit", "frames")).status == 65)
        #expect(try text("out") == whole.output)
        let plain = try ChildProcess(["classify", path("in"), path("fifo"), "--emit", "frames", "--threads", "1"])
        try plain.waitForOutput { $0.contains("\"end\"") }
        plain.send(signal: SIGINT)
        let stopped = try plain.wait()
        #expect(stopped.status == 130 && stopped.errors.contains("--journal FILE"), "\(stopped.errors)")
    }

    /// A signal ends a run that waits for the rest of its list, before anything is written.
    ///
    /// SIGINT would do so too, unless a shell that starts the tests in the background has it ignored.
    @Test func signalEndsTheWaitForAList() throws {
        let child = try ChildProcess(["classify", "--files-from", "-"], input: .pipe)
        try child.write(Array("\(path("in/100.wav"))\n".utf8))
        usleep(500_000)
        child.send(signal: SIGTERM)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == -SIGTERM && finished.output.isEmpty, "\(finished)")
    }

    /// The summary of a file of nine hours is not printed after a part of it, and the unread part is not missing.
    @Test func interruptedFileHasNoSummary() throws {
        let header: [UInt32] = [0x2E73_6E64, 24, 1 << 30, 3, 16000, 1]  // AU, 16 bits
        try folder.write(header.flatMap { word in [24, 16, 8, 0].map { UInt8(word >> $0 & 255) } }, to: "long.au")
        try #require(unsafe truncate(path("long.au"), 24 + (1 << 30)) == 0)
        let child = try ChildProcess(["classify", path("in/100.wav"), path("long.au"), "--threads", "1"])
        try child.waitForOutput { $0.contains("100.wav") }
        usleep(300_000)
        child.send(signal: SIGINT)
        let finished = try child.wait()
        #expect(finished.status == 130)
        #expect(finished.output.contains("\n") && !finished.output.contains("long.au"), "\(finished.output)")
        #expect(!finished.errors.contains("is cut"), "\(finished.errors)")
    }

    /// A file of results per recording: it is whole or absent.
    @Test func killedRunOfManyOutputsGoesOn() throws {
        let arguments = ["classify", path("in"), "--per-file-output", path("out"), "--journal", path("journal")]
        let child = try ChildProcess(arguments + ["--emit", "frames", path("fifo")])
        try waitForNotes(child, 5)
        child.send(signal: SIGKILL)
        _ = try child.wait()
        // A result that a power failure has emptied is written again.
        try folder.write([], to: "out/100.wav.jsonl")
        #expect(try Program.run(arguments + ["--emit", "frames"]).status == 65)
        _ = try Program.run(["classify", path("in"), "--emit", "frames", "--per-file-output", path("whole")])
        let names = try FileManager.default.contentsOfDirectory(atPath: path("out"))
        #expect(names.count { !$0.hasSuffix(".partial") } == count)
        for index in 0..<count {
            let name = "\(100 + index).wav.jsonl"
            #expect(try text("out/\(name)") == text("whole/\(name)"))
        }
    }

    /// Standard output can be gone on with if it is a file.
    @Test func standardOutputIntoAFile() throws {
        let whole = try Program.run(["classify", path("in")])
        try folder.write(Array("before\n".utf8), to: "log")
        let line =
            "exec '\(Program.path)' classify '\(path("in"))' \"$@\" --journal '\(path("journal"))' >>'\(path("log"))'"
        let child = try ChildProcess(["-c", line, "bash", path("fifo")], program: "/bin/bash")
        try waitForNotes(child, 5)
        child.send(signal: SIGKILL)
        _ = try child.wait()
        #expect(try ChildProcess(["-c", line], program: "/bin/bash").wait().status == 65)
        #expect(try text("log") == "before\n" + whole.output)
        let emptied = try ChildProcess(["-c", line.replacing(">>", with: ">")], program: "/bin/bash").wait()
        #expect(emptied.status == 65 && emptied.errors.contains("has fewer bytes than --journal"), "\(emptied.errors)")
        let pipe = try ChildProcess(["classify", path("in"), "--journal", path("new")], output: .pipe)
        let refused = try pipe.wait()
        #expect(refused.status == 64 && refused.errors.contains("--output FILE"), "\(refused.errors)")
    }

    /// A limit of the size of files stops a write in the middle, as a full disk does.
    @Test func fullDisk() throws {
        let whole = try Program.run(["classify", path("in"), "--emit", "frames", "--threads", "1"])
        let line = "trap '' XFSZ; ulimit -f 60; exec \"$0\" \"$@\""
        let arguments = ["-c", line, Program.path] + command("--emit", "frames")
        let full = try ChildProcess(arguments, program: "/bin/bash").wait()
        #expect(full.status == 74 && full.errors.contains("\(path("out")): File too large"), "\(full.errors)")
        let done = try text("out")
        #expect(whole.output.hasPrefix(done) && done.hasSuffix("\n"))
        #expect(try Program.run(command("--emit", "frames")).status == 65)
        #expect(try text("out") == whole.output)
    }

    @Test func oneRunAtATime() throws {
        let child = try ChildProcess(command("--threads", "1", path("fifo")))
        try waitForNotes(child, 1)
        let second = try Program.run(command())
        #expect(second.status == 69 && second.errors.contains("another run uses this journal"), "\(second.errors)")
        try waitForNotes(child, count)
        #expect(!child.hasEnded(), "the first run is not disturbed")
    }

    @Test func foreignJournalsAreRefused() throws {
        #expect(try Program.run(command()).status == 65)
        let journal = try text("journal")
        let output = try text("out")
        func refusal(_ arguments: [String], _ words: String, environment: [String: String] = [:]) throws {
            let finished = try Program.run(arguments, environment: environment)
            #expect(finished.status == 64 && finished.errors.contains(words), "\(finished.errors)")
            #expect(try text("out") == output, "nothing is overwritten")
        }
        try refusal(command("--emit", "events"), "it was begun with --emit summary, and this run has events")
        try refusal(command("--threshold", "0.2"), "--threshold unset, and this run has 0.2")
        try refusal(command("--allow", "yes"), "--allow unset, and this run has yes")
        try refusal(
            command("--model", "keywords-ar"), "it was begun with --model keywords-en (")
        try folder.write(Array(journal.replacing("\"v\":1,\"base\"", with: "\"v\":2,\"base\"").utf8), to: "journal")
        try refusal(command(), "has version 2")
        try folder.write(Array(journal.replacing("\"program\":\"", with: "\"program\":\"9").utf8), to: "journal")
        try refusal(command(), "begun with program 9")
        try folder.write(Array(journal.replacing("\"state\":\"done\"", with: "\"state\":\"dome\"").utf8), to: "journal")
        try refusal(command(), "is damaged in line 2")
        try folder.write(WaveFile(Sound.samples(10)).bytes, to: "journal")
        try refusal(command(), "is not a journal")
    }

    /// Numbers that no run writes are damage.
    @Test(arguments: [
        ("\"v\":1,\"base\"", "\"v\":1e300,\"base\""), ("\"base\":0", "\"base\":9223372036854775807"),
        ("\"base\":0", "\"base\":1e300"), ("\"base\":0", "\"base\":-5"), ("\"end\":", "\"end\":-"),
        ("\"rows\":", "\"rows\":922337203685477580"), ("\"seconds\":", "\"seconds\":1e30"),
    ])
    func impossibleNumbersAreDamage(number: String, other: String) throws {
        #expect(try Program.run(command()).status == 65)
        let journal = try text("journal")
        try #require(journal.contains(number))
        try folder.write(Array(journal.replacing(number, with: other).utf8), to: "journal")
        let finished = try Program.run(command())
        #expect(finished.status == 64 && finished.errors.contains("is damaged in"), "\(finished.errors)")
    }

    /// An output that another run has written is not taken for that of the journal.
    @Test func outputOfAnotherRun() throws {
        #expect(try Program.run(command()).status == 65)
        let other = try Program.run(["classify", path("in"), "--top-k", "7", "--output", path("out")])
        #expect(other.status == 65)
        let written = try text("out")
        let finished = try Program.run(command())
        #expect(
            finished.status == 65 && finished.errors.contains("is not the output of --journal"), "\(finished.errors)")
        #expect(try text("out") == written)
    }

    /// A journal that is the output would be overwritten, whether it is there or not.
    @Test func outputAsItsJournal() throws {
        let same = try Program.run(["classify", path("in"), "--output", path("new"), "--journal", path("./new")])
        #expect(same.status == 64 && same.errors.contains("is the file of --output, too"), "\(same.errors)")
        #expect(!FileManager.default.fileExists(atPath: path("new")))
    }

    /// A journal is read at the beginning, which a FIFO without a writer would hold up for ever.
    @Test func journalInAFIFO() throws {
        let child = try ChildProcess(["classify", path("in"), "--output", path("new"), "--journal", path("fifo")])
        let finished = try child.wait(atMost: 20)
        #expect(finished.status == 64 && finished.errors.contains("\(path("fifo")): is a pipe"), "\(finished)")
        #expect(!FileManager.default.fileExists(atPath: path("new")))
    }

    @Test func filesThatChangeAndVanish() throws {
        #expect(try Program.run(command()).status == 65)
        let output = try text("out")
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: "in/100.wav")
        try FileManager.default.removeItem(atPath: path("in/101.wav"))
        try folder.write(WaveFile(Sound.samples(4000)).bytes, to: "in/999.wav")
        let finished = try Program.run(command())
        #expect(finished.errors.contains("1 file has changed since its result was written (/"), "\(finished.errors)")
        let added = try text("out").dropFirst(output.count)
        #expect(try text("out").hasPrefix(output) && added.contains("999.wav"), "a new file is added")
        #expect(added.split(separator: "\n").count == 1)
    }
}
