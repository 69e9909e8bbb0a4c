internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// Files and folders of `serve` that it cannot write now, or that have two purposes.
@Suite struct ServeFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func check(_ settings: [String], isCheck: Bool = true) throws -> Finished {
        let settings = settings.map { $0.replacing("FOLDER", with: folder.path) }
        let arguments = ["serve", "--model", Program.model] + (isCheck ? ["--check"] : [])
        return try Program.runWithoutOverrides(arguments + settings.flatMap { ["--set", $0] })
    }

    /// What the user of the service may not write is found by the check, with the setting and the remedy.
    @Test(arguments: [
        ("state.folder", "FOLDER/locked", "the folder FOLDER/locked is not writable"),
        ("state.folder", "FOLDER/locked/states", "the folder FOLDER/locked is not writable"),
        ("events.file.path", "FOLDER/locked/events.jsonl", "the folder FOLDER/locked is not writable"),
        ("events.file.path", "FOLDER/file", "the file is not writable"),
        ("events.file.path", "FOLDER/none/events.jsonl", "there is no folder FOLDER/none; make it"),
        ("listen.unix", "unix:FOLDER/locked/s.sock", "the folder FOLDER/locked is not writable"),
        ("listen.http", "unix:FOLDER/locked/s.sock", "the folder FOLDER/locked is not writable"),
        ("listen.unix", "unix:FOLDER/none/s.sock", "there is no folder FOLDER/none; make it"),
        ("listen.unix", "unix:FOLDER/file", "there is a file that is no socket; move it"),
    ])
    func missingAccessIsFound(key: String, value: String, message: String) throws {
        try folder.write([], to: "file")
        try #require(unsafe chmod("\(folder.path)/file", 0o400) == 0)
        try #require(unsafe mkdir("\(folder.path)/locked", 0o500) == 0)
        defer { unsafe chmod("\(folder.path)/locked", 0o700) }
        let finished = try check(["\(key)=\(value)"])
        #expect(finished.status == 78 && finished.output.isEmpty, "\(finished)")
        let place = "--set \(key): \(key) is \"\(value)\"; ".replacing("FOLDER", with: folder.path)
        #expect(finished.errors.contains(place), "\(finished.errors)")
        #expect(finished.errors.contains(message.replacing("FOLDER", with: folder.path)), "\(finished.errors)")
    }

    /// The check finds the socket of a running service; one that a killed service has left is free.
    @Test func socketOfAServiceIsFound() throws {
        let path = "\(folder.path)/s.sock"
        let server = try Server(unixPath: path)
        for key in ["listen.unix", "listen.http"] {
            let finished = try check(["\(key)=unix:\(path)"])
            #expect(finished.status == 78 && finished.output.isEmpty, "\(finished)")
            #expect(finished.errors.contains("--set \(key): \(key) is \"unix:\(path)\"; another program listens there"))
            #expect(finished.errors.contains("--set \(key)=off"), "\(finished.errors)")
        }
        server.child.send(signal: SIGKILL)
        _ = try server.child.wait()
        #expect(try check(["listen.unix=unix:\(path)"]).status == 0)
    }

    /// A path that two settings have is refused with both, by the check and by the start.
    @Test(arguments: [
        (["events.file.path=FOLDER/a.pem", "tls.certificate=FOLDER/a.pem", "tls.key=FOLDER/b.pem"], "tls.certificate"),
        (["events.file.path=FOLDER/b.pem", "tls.certificate=FOLDER/a.pem", "tls.key=FOLDER/b.pem"], "tls.key"),
        (["events.file.path=FOLDER/token", "access.token_file=FOLDER/token"], "access.token_file"),
        (["events.file.path=FOLDER/x.wav", "sources=[{name: log, follow: FOLDER/x.wav}]"], "the source log"),
        (["events.file.path=FOLDER/x", "sources=[{name: log, follow: FOLDER/x.3}]"], "the source log"),
        (["events.file.path=FOLDER/st", "state.folder=FOLDER/st"], "state.folder"),
        (["events.file.path=FOLDER/st", "state.folder=FOLDER/st/more"], "state.folder"),
        (["events.file.path=FOLDER/link/a.state", "state.folder=FOLDER/real"], "state.folder"),
        (["events.file.path=FOLDER/real/1-2-a.events", "state.folder=FOLDER/link"], "state.folder"),
        (["events.file.path=FOLDER/e", "listen.unix=unix:FOLDER/e"], "listen.unix"),
        (["events.file.path=FOLDER/e", "listen.unix=unix:FOLDER/e.1"], "listen.unix"),
        (["listen.http=unix:FOLDER/real/s", "listen.unix=unix:FOLDER/link/s"], "listen.http"),
        (["listen.http=unix:FOLDER/./s", "listen.unix=unix:FOLDER/s"], "listen.http"),
    ])
    func sharedPathsAreRefused(settings: [String], other: String) throws {
        for name in ["a.pem", "b.pem"] { try folder.write([], to: name) }
        try folder.write(Array("0123456789abcdef0123\n".utf8), to: "token")
        try #require(unsafe mkdir("\(folder.path)/real", 0o700) == 0)
        try #require(unsafe symlink("\(folder.path)/real", "\(folder.path)/link") == 0)
        for isCheck in [true, false] {
            let finished = try check(settings, isCheck: isCheck)
            #expect(finished.status == 78 && finished.output.isEmpty, "\(finished)")
            let setting = settings[0].hasPrefix("events") && !other.hasPrefix("listen") ? "events.file.path" : "listen."
            #expect(finished.errors.contains("--set \(setting)"), "\(finished.errors)")
            #expect(finished.errors.contains(other) && finished.errors.contains("choose another"), "\(finished.errors)")
        }
    }

    /// The configuration is no file for events.
    @Test func configurationIsNotOverwritten() throws {
        let path = "\(folder.path)/serve.yaml"
        try folder.write(Array("events: {file: {path: \"\(path)\"}}\n".utf8), to: "serve.yaml")
        let finished = try ChildProcess(["serve", "--check", "--config", path]).wait()
        #expect(finished.status == 78 && finished.errors.contains("the file of the configuration"), "\(finished)")
    }

    /// A service whose folder of events is missing starts, counts what it loses, and writes as soon as the folder is
    /// there; what it lost until its end is in the log.
    @Test func missingFolderOfEventsCostsNoStart() throws {
        let path = "\(folder.path)/later/events.jsonl"
        let server = try Server([
            "events.file.path=\(path)", "events.stdout=true", "streams.decision.threshold=0.000000001",
            "streams.decision.threshold_off=0.000000001", "streams.decision.allow=yes",
            "streams.decision.min_duration_ms=0",
        ])
        try server.child.waitForErrors { $0.contains("\(path): events cannot be written: there is no folder ") }
        func send() throws {
            let client = try WebSocketClient(server, "/v1/stream?emit=events")
            try client.send(Sound.raw(Sound.samples(16_000)))
            try client.send(text: "{\"type\":\"end\"}")
            #expect(try client.receiveAll().texts("event").count == 2)
        }
        func waitForLost(_ count: Double) throws {
            for _ in 0..<500 where try server.metric("lost_events_total{output=\"file\"}") < count { usleep(10_000) }
            #expect(try server.metric("lost_events_total{output=\"file\"}") == count)
        }
        try send()
        try waitForLost(2)
        try #require(unsafe mkdir("\(folder.path)/later", 0o700) == 0)
        try send()
        try server.child.waitForErrors { $0.contains("events can be written again; 2 events are lost") }
        try server.child.waitForOutput { $0.split(separator: "\n").count == 4 }
        for _ in 0..<500 where try written(path).count < 2 { usleep(10_000) }
        #expect(try written(path) == server.child.outputSoFar.split(separator: "\n").suffix(2).map(String.init))
        // The folder vanishes again.
        try #require(unsafe unlink(path) == 0 && rmdir("\(folder.path)/later") == 0)
        try send()
        try waitForLost(4)
        let finished = try server.stop()
        #expect(finished.status == 0 && finished.errors.contains("until the end; 2 events are lost"), "\(finished)")
    }

    private func written(_ path: String) throws -> [String] {
        try String(contentsOf: URL(filePath: path), encoding: .utf8).split(separator: "\n").map(String.init)
    }
}
