internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The files in `deploy/` work with their tools.
@Suite struct ServeDeploymentTests {
    private static let deploy = Program.models.dropLast("models".count) + "deploy"
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// `systemd-analyze verify` accepts the unit if the program is at its path.
    @Test func unitIsValid() throws {
        let analyze = "/usr/bin/systemd-analyze"
        guard FileManager.default.isExecutableFile(atPath: analyze) else {
            Issue.record("systemd-analyze is not installed; it comes with Debian's systemd")
            return
        }
        let text = try String(contentsOf: URL(filePath: "\(Self.deploy)/audio-classifierd.service"), encoding: .utf8)
        let unit = text.split(separator: "/usr/local/bin/audio-classifierd").joined(separator: Program.path)
        try folder.write(Array(unit.utf8), to: "audio-classifierd.service")
        let socket = try String(contentsOf: URL(filePath: "\(Self.deploy)/audio-classifierd.socket"), encoding: .utf8)
        try folder.write(Array(socket.utf8), to: "audio-classifierd.socket")
        let units = ["audio-classifierd.service", "audio-classifierd.socket"]
        let check = try ChildProcess(
            ["verify", "--man=no"] + units.map { "\(folder.path)/\($0)" }, program: analyze)
        let finished = try check.wait()
        #expect(finished.status == 0)
        for unit in units { #expect(!finished.errors.contains("\(unit):"), "\(finished.errors)") }
    }

    /// The service reports to systemd: ready, alive while the loops run, stopping.
    @Test func stateIsReportedToSystemd() throws {
        let path = "\(folder.path)/notify"
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
        let began = monotonicMicroseconds()
        let server = try Server(environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"])
        _ = try WebSocketClient(server, "/v1/stream")
        var words: Set<String> = []
        var reloading: Int64?
        func receive(until word: String) {
            var buffer = [UInt8](repeating: 0, count: 256)
            while !words.contains(word) {
                let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { return }
                let text = String(decoding: buffer[..<count], as: UTF8.self)
                let lines = text.split(separator: "\n").map(String.init)
                words.insert(lines.first ?? "")
                if lines.first == "RELOADING=1", let time = lines.last?.split(separator: "=").last {
                    reloading = Int64(time)
                }
            }
        }
        receive(until: "READY=1")
        receive(until: "WATCHDOG=1")
        words = []
        server.child.send(signal: SIGHUP)
        receive(until: "RELOADING=1")
        // systemd compares the value with its own monotonic clock.
        let time = try #require(reloading)
        #expect(time >= began && time <= monotonicMicroseconds())
        receive(until: "READY=1")
        server.child.send(signal: SIGTERM)
        receive(until: "STOPPING=1")
        #expect(words.isSubset(of: ["READY=1", "WATCHDOG=1", "STOPPING=1", "RELOADING=1"]))
        #expect(try server.child.wait(atMost: 20).status == 0)
    }

    private func monotonicMicroseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    @Test func dashboardAsksForMetricsThatExist() throws {
        let text = try String(contentsOf: URL(filePath: "\(Self.deploy)/grafana.json"), encoding: .utf8)
        let dashboard = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        let server = try Server()
        let metrics = try server.request("GET", "/metrics").text
        let expressions = (dashboard["panels"]?.elements ?? []).flatMap { $0["targets"]?.elements ?? [] }
        #expect(expressions.count > 8)
        for expression in expressions.compactMap({ $0["expr"]?.string }) {
            let words = expression.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            for word in words where word.hasPrefix("audio_classifierd_") {
                let name = word.hasSuffix("_bucket") ? word.dropLast("_bucket".count) : word
                #expect(metrics.contains("# TYPE \(name) "), "\(name)")
            }
        }
    }

    /// The shipped configuration has the defaults, except for the socket for raw PCM.
    @Test func shippedConfigurationRuns() throws {
        let file = Program.models.dropLast("models".count) + "configs/serve.yaml"
        let environment = ["AUDIO_CLASSIFIERD_MODEL": ""]
        let printed = try Program.run(["serve", "--config", String(file), "--print-config"], environment: environment)
        let defaults = try Program.run(["serve", "--print-config"], environment: environment)
        func values(_ finished: Finished) -> [Substring] {
            finished.lines.map { $0[..<($0.firstRange(of: "  # ")?.lowerBound ?? $0.endIndex)] }
        }
        #expect(printed.status == 0 && !printed.lines.isEmpty)
        let differences = zip(values(printed), values(defaults)).filter { $0 != $1 }.map { $0.0 }
        #expect(differences == ["  tcp: \"127.0.0.1:8081\""])
        #expect(try Program.run(["serve", "--config", String(file), "--check"]).status == 0)
    }
}
