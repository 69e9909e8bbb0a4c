internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// What an operator of `serve` sees: readiness, metrics, messages.
@Suite struct ServeOperationTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Waits until a condition holds.
    private func wait(_ condition: () throws -> Bool) throws {
        for _ in 0..<1000 {
            if try condition() { return }
            usleep(10_000)
        }
        Issue.record("the condition did not come true")
    }

    // MARK: Readiness

    /// A balancer learns that there is no room for a stream, and when there is room again.
    @Test func fullServiceIsNotReady() throws {
        let server = try Server(["limits.streams=1"])
        let free = try server.request("GET", "/readyz")
        #expect(free.status == 200 && free.text.contains("\"streams\":0") && free.text.contains("\"ready\":true"))
        let socket = try WebSocketClient(server, "/v1/stream?stream=a")
        try wait { try server.request("GET", "/readyz").status == 503 }
        let full = try server.request("GET", "/readyz")
        #expect(full.text.contains("\"ready\":false,\"code\":\"streams\"") && full.text.contains("limits.streams is 1"))
        #expect(full.headers["retry-after"] == "10", "\(full.headers)")
        #expect(try server.request("GET", "/healthz").status == 200)
        try socket.send(text: "{\"type\":\"end\"}")
        _ = try socket.receiveAll()
        try wait { try server.request("GET", "/readyz").status == 200 }
        #expect(try server.metric("refusals_total{reason=\"streams\"}") == 0, "a question is no refusal")
        #expect(try server.stop().status == 0)
    }

    @Test func stoppingServiceIsNotReady() throws {
        let server = try Server(hasTCP: true)
        let idle = try server.connect()
        let question = "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:\(server.httpPort)\r\n"
        try idle.send(Array("\(question)\r\n".utf8))
        // A client that does not read its last lines holds the service for a while.
        let slow = try Socket(port: try #require(server.tcpPort))
        try slow.send(Sound.raw(Sound.samples(16_000)))
        try wait { try server.request("GET", "/v1/streams").text.contains("tcp") }
        server.child.send(signal: SIGTERM)
        try server.child.waitForErrors { $0.contains("stopping") }
        try idle.send(Array("\(question)Connection: close\r\n\r\n".utf8))
        let replies = String(decoding: try idle.receiveAll(), as: UTF8.self)
        #expect(replies.hasPrefix("HTTP/1.1 200"))
        // The connection may be closed before it can ask.
        if replies.ranges(of: "HTTP/1.1 ").count == 2 {
            #expect(replies.contains("HTTP/1.1 503") && replies.contains("\"code\":\"stopping\""), "\(replies)")
        }
        slow.finish()
        _ = try slow.receiveAll()
        #expect(try server.child.wait(atMost: 20).status == 0)
    }

    // MARK: Metrics

    /// Every counter with a label has a sample before the first count, and the process has the usual metrics.
    @Test func countersBeginAtZero() throws {
        let server = try Server(["events.stdout=true", "events.file.path=\(folder.path)/events.jsonl"])
        let text = try server.request("GET", "/metrics").text
        for sample in [
            "events_total{label=\"yes\"} 0", "events_total{label=\"_silence_\"} 0",
            "stream_ends_total{reason=\"complete\"} 0", "stream_ends_total{reason=\"connection_lost\"} 0",
            "refusals_total{reason=\"capacity\"} 0", "refusals_total{reason=\"client\"} 0",
            "lost_events_total{output=\"stdout\"} 0", "lost_events_total{output=\"file\"} 0",
            "output_failures_total{output=\"file\"} 0",
            "uploads_total{outcome=\"classified\"} 0", "uploads_total{outcome=\"failed\"} 0",
            "uploads_total{outcome=\"refused\"} 0", "uploads_total{outcome=\"storage\"} 0",
            "uploads_total{outcome=\"abandoned\"} 0", "upload_audio_seconds_total 0",
        ] { #expect(text.contains("\naudio_classifierd_\(sample)\n"), "\(sample)") }
        #expect(!text.contains("output=\"mqtt\"") && !text.contains("output=\"journal\""))
        func value(_ name: String) throws -> Double {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }, "\(name)")
            return try #require(Double(line.split(separator: " ")[1]))
        }
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(try value("process_cpu_seconds_total") > 0 && value("process_cpu_seconds_total") < 600)
        #expect(try value("process_resident_memory_bytes") > 5e6)
        #expect(try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
        #expect(try (5...200).contains(value("process_open_fds")))
        #expect(try value("process_max_fds") <= Double(limit.rlim_max) && value("process_max_fds") > 5)
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        let age = try Double(now.tv_sec) - value("process_start_time_seconds")
        #expect((-1...120).contains(age), "\(age)")
        #expect(try server.request("GET", "/metrics").text.contains("process_start_time_seconds "))
        _ = try server.stop()
    }

    // MARK: Messages

    /// Refusals are logged at `info`, within a limit, and connections and streams at `debug`.
    @Test func connectionsAreLogged() throws {
        func log(_ level: String) throws -> String {
            let server = try Server(["limits.streams=1"], arguments: ["--log-level", level], hasTCP: true)
            let socket = try WebSocketClient(server, "/v1/stream?stream=door")
            for _ in 0..<40 {
                let refused = try Socket(port: try #require(server.tcpPort))
                refused.finish()
                _ = try refused.receiveAll()
            }
            try socket.send(text: "{\"type\":\"end\"}")
            _ = try socket.receiveAll()
            return try server.stop().errors
        }
        let quiet = try log("notice")
        #expect(!quiet.contains("refused") && !quiet.contains("begins"))
        let refusals = try log("info").split(separator: "\n").filter { $0.contains("refused: ") }
        #expect((10...30).contains(refusals.count), "\(refusals.count)")
        #expect(refusals.allSatisfy { $0.contains("limits.streams is 1") && $0.contains("client=127.0.0.1") })
        let all = try log("debug")
        #expect(all.contains("a connection begins client=127.0.0.1"))
        let ends = all.split(separator: "\n").filter { $0.contains("a connection ends client=127.0.0.1") }
        #expect(ends.count == 41, "\(ends.count)")
        #expect(ends.contains { $0.contains("the client ended its input") && $0.contains("received_bytes=0") })
        #expect(ends.allSatisfy { $0.contains("seconds=") && $0.contains("reason=") && !$0.contains("sent_bytes=0 ") })
        #expect(all.contains("a stream begins") && all.contains("stream=door") && all.contains("reason=complete"))
    }

    /// Requests without the token and from other sites are logged, without the token that they carried.
    @Test func wrongRequestsAreLogged() throws {
        let server = try Server(["access.token=0123456789abcdef"], arguments: ["--log-level", "info"])
        #expect(try server.request("GET", "/v1/streams", headers: ["Authorization": "Bearer guess-17"]).status == 401)
        #expect(try server.request("GET", "/", headers: ["Origin": "http://evil.example"]).status == 403)
        let socket = try server.connect()
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        let key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        let host = "Host: 127.0.0.1:\(server.httpPort)\r\n"
        try socket.send(Array("GET /v1/stream HTTP/1.1\r\n\(host)\(upgrade)\(key)\r\n".utf8))
        #expect(try Reply(try socket.receiveAll()).status == 401)
        let errors = try server.stop().errors
        let refusals = errors.split(separator: "\n").filter { $0.contains("refused: ") }
        #expect(refusals.filter { $0.contains("without the right token") && $0.contains("reason=token") }.count == 2)
        #expect(refusals.contains { $0.contains("a page of http://evil.example") && $0.contains("client=127.0.0.1") })
        #expect(!errors.contains("guess") && !errors.contains("0123456789"))
    }

    /// A wrong `decision` is named with its place, whatever set it.
    @Test(arguments: [
        (
            "    threshold: 0.3\n    threshold_off: 0.9\n", 5, "threshold_off",
            "threshold_off 0.9 is above threshold 0.3"
        ),
        ("    threshold_off: 0.99\n", 4, "threshold_off", "threshold_off 0.99 is above threshold"),
        ("    min_duration_ms: 5\n    allow: [yes, nope]\n", 5, "allow", "no label \"nope\""),
        ("    deny:\n    - nope\n", 5, "deny", "no label \"nope\""),
        ("    class_thresholds: {nope: 0.5}\n", 4, "class_thresholds", "no label \"nope\""),
    ])
    func wrongDecisionHasItsPlace(lines: String, line: Int, key: String, message: String) throws {
        func check(_ text: String, _ flags: [String] = []) throws -> Finished {
            try folder.write(Array(text.utf8), to: "c.yaml")
            let arguments = ["serve", "--check", "--config", "\(folder.path)/c.yaml"]
            return try ChildProcess(arguments + flags.flatMap { ["--set", $0] }).wait()
        }
        let streams = try check("model: keywords-en\nstreams:\n  decision:\n\(lines)")
        #expect(streams.status == 78 && streams.errors.contains("streams.decision.\(key): "), "\(streams)")
        #expect(streams.errors.contains("\(folder.path)/c.yaml:\(line): ") && streams.errors.contains(message))
        #expect(!streams.errors.contains("--threshold"))
        let indented = lines.split(separator: "\n").map { "    \($0)\n" }.joined()
        let sources = "sources:\n- {name: a, command: [b]}\n- name: c\n  command: [d]\n  decision:\n\(indented)"
        let source = try check("model: keywords-en\n\(sources)")
        #expect(source.status == 78 && source.errors.contains("sources[1].decision.\(key): "), "\(source)")
        #expect(source.errors.contains("\(folder.path)/c.yaml:\(line + 3): ") && source.errors.contains(message))
        let flag = try check("model: keywords-en\n", ["streams.decision.threshold_off=0.99"])
        #expect(flag.status == 78 && flag.errors.contains("--set streams.decision.threshold_off: "), "\(flag)")
    }

    /// Files and folders that cannot be what their settings say are refused with their place, by the check and by the
    /// start.
    @Test(arguments: [
        ("events.file.path", "file/events.jsonl", "FOLDER/file is a file and no folder"),
        ("events.file.path", "file/none/events.jsonl", "FOLDER/file is a file and no folder"),
        ("events.file.path", "sub", "that is a folder; add the name of a file"),
        ("events.file.path", "new/", "that is a folder; add the name of a file"),
        ("events.file.path", "pipe", "that is a pipe, which would keep the service waiting"),
        ("state.folder", "file", "FOLDER/file is a file and no folder"),
        ("state.folder", "file/states", "FOLDER/file is a file and no folder"),
        ("state.folder", "file/", "FOLDER/file is a file and no folder"),
    ])
    func wrongFilesAreFound(key: String, name: String, message: String) throws {
        try folder.write([], to: "file")
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/sub", withIntermediateDirectories: true, attributes: nil)
        try #require(unsafe mkfifo("\(folder.path)/pipe", 0o600) == 0)
        let value = "\(folder.path)/\(name)"
        let keys = key.split(separator: ".")
        let nested = keys.enumerated().map { String(repeating: "  ", count: $0) + $1 + ":" }.joined(separator: "\n")
        try folder.write(Array("model: keywords-en\n\(nested) \"\(value)\"\n".utf8), to: "c.yaml")
        let config = ["--config", "\(folder.path)/c.yaml"]
        let message = message.replacing("FOLDER", with: folder.path)
        for (arguments, place) in [
            (config, "\(folder.path)/c.yaml:\(keys.count + 1): "), (["--set", "\(key)=\(value)"], "--set \(key): "),
        ] {
            for check in [["--check"], ["--set", "listen.http=127.0.0.1:0"]] {
                let finished = try ChildProcess(["serve"] + check + arguments).wait(atMost: 20)
                #expect(finished.status == 78 && finished.output.isEmpty, "\(finished)")
                #expect(finished.errors.contains("\(place)\(key) is \"\(value)\"; "), "\(finished.errors)")
                #expect(finished.errors.contains(message), "\(finished.errors)")
            }
        }
    }

    /// Certificates that an output cannot trust are found by the check, too.
    @Test(arguments: ["events.webhook.ca_file", "events.mqtt.ca_file"], ["none.pem", "text.pem", "pipe.pem"])
    func wrongAuthoritiesAreFound(key: String, name: String) throws {
        try folder.write(Array("no certificate\n".utf8), to: "text.pem")
        try #require(unsafe mkfifo("\(folder.path)/pipe.pem", 0o600) == 0)
        let value = "\(folder.path)/\(name)"
        let settings = [
            "events.webhook.url=https://127.0.0.1:9/", "events.mqtt.host=127.0.0.1", "events.mqtt.tls=true",
            "\(key)=\(value)", "listen.http=127.0.0.1:0",
        ].flatMap { ["--set", $0] }
        for check in [["--check"], []] {
            let finished = try ChildProcess(["serve"] + check + settings).wait(atMost: 20)
            #expect(finished.status == 78 && finished.output.isEmpty, "\(finished)")
            #expect(finished.errors.contains(value) && finished.errors.contains(key), "\(finished.errors)")
        }
    }

    /// A command that cannot be started is found by the check; the service itself goes on to try it.
    @Test func missingProgramIsFound() throws {
        try folder.write(Array("#!/bin/sh\n".utf8), to: "text")
        for (program, message) in [
            ("no-such-program", "there is no program \"no-such-program\" in the folders of PATH"),
            ("\(folder.path)/none", "is no program that the service's user can start"),
            ("\(folder.path)/text", "is no program that the service's user can start"),
            (folder.path, "is no program that the service's user can start"),
        ] {
            let found = try ChildProcess([
                "serve", "--check", "--set", "sources=[{name: a, command: [sh]}, {name: b, command: [\(program)]}]",
            ]).wait()
            #expect(found.status == 78 && found.output.isEmpty, "\(program): \(found)")
            #expect(found.errors.contains("the source \"b\": ") && found.errors.contains(message), "\(found.errors)")
        }
        for program in ["sh", "/bin/sh"] {
            let source = "sources=[{name: a, command: [\(program)]}]"
            #expect(try ChildProcess(["serve", "--check", "--set", source]).wait().status == 0)
        }
    }

    /// A text would end at its zero byte in the calls of the system.
    @Test(arguments: [
        "sources:\n- {name: a, command: [sh, \"b\\0c\"]}\n", "state:\n  folder: \"a\\0b\"\n", "models: [\"a\\0b\"]\n",
    ])
    func zeroBytesAreRefused(lines: String) throws {
        try folder.write(Array(lines.utf8), to: "c.yaml")
        let found = try ChildProcess(["serve", "--check", "--config", "\(folder.path)/c.yaml"]).wait()
        #expect(found.status == 78 && found.errors.contains("has a zero byte; remove it"), "\(found)")
    }

    @Test func possibleFilesAreGood() throws {
        for setting in [
            "events.file.path=\(folder.path)/events.jsonl", "events.file.path=/dev/null", "state.folder=\(folder.path)",
            "state.folder=\(folder.path)/new/states",
        ] {
            let good = try ChildProcess(["serve", "--check", "--set", setting]).wait()
            #expect(good.status == 0 && good.output == "the configuration is good\n", "\(setting): \(good.errors)")
        }
        // The service makes the folder of the states before it opens the file of the events.
        for file in ["new/states/events.jsonl", "new/events.jsonl"] {
            let settings = ["state.folder=\(folder.path)/new/states", "events.file.path=\(folder.path)/\(file)"]
            let good = try ChildProcess(["serve", "--check"] + settings.flatMap { ["--set", $0] }).wait()
            #expect(good.status == 0, "\(file): \(good.errors)")
        }
    }

    /// A setting of the command line or the environment is named, and not the first line of a file.
    @Test(arguments: [
        (["events.webhook.url=ftp://a"], "--set events.webhook.url: "),
        (["tls.certificate=/a"], "--set tls.certificate: "), (["tls.key=/a"], "--set tls.key: "),
        (["sources=[{name: a}]"], "--set sources: "), (["sources=[{name: a/b, command: [c]}]"], "--set sources: "),
        (["listen.http=0.0.0.0:80"], "--set listen.http: "), (["listen.tcp=127.0.0.1:8080"], "--set listen.tcp: "),
        (["listen.http=off"], "--set listen.http: "),
    ])
    func settingsOfTheCommandLineAreNamed(settings: [String], place: String) throws {
        try folder.write(Array("model: keywords-en\n".utf8), to: "c.yaml")
        for config in [[], ["--config", "\(folder.path)/c.yaml"]] {
            let arguments = ["serve", "--check"] + config + settings.flatMap { ["--set", $0] }
            let finished = try ChildProcess(arguments).wait()
            #expect(
                finished.status == 78 && finished.errors.hasPrefix("audio-classifierd: error: \(place)"),
                "\(finished.errors)")
        }
        let listen = try ChildProcess(["serve", "--check", "--listen", "127.0.0.1"]).wait()
        #expect(listen.errors.hasPrefix("audio-classifierd: error: --listen: listen.http is \"127.0.0.1\"; "))
        let variable = ["AUDIO_CLASSIFIERD_EVENTS_WEBHOOK_URL": "ftp://a"]
        let finished = try ChildProcess(["serve", "--check"], environment: variable).wait()
        #expect(
            finished.errors.hasPrefix("audio-classifierd: error: AUDIO_CLASSIFIERD_EVENTS_WEBHOOK_URL: "),
            "\(finished.errors)")
    }
}
