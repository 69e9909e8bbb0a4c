internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// Signals that come while `serve` starts or ends.
@Suite struct ServeSignalTests {
    private static let yaml = Array("model: keywords-en\n".utf8)
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Starts a service that waits at the beginning of its start, for its configuration in a FIFO.
    /// - Returns: the process, and the FIFO's writing end.
    private func waitingService(_ arguments: [String] = []) throws -> (child: ChildProcess, pipe: Int32) {
        let path = "\(folder.path)/serve.yaml"
        try #require(unsafe mkfifo(path, 0o600) == 0)
        let child = try ChildProcess(["serve", "--config", path, "--set", "listen.http=127.0.0.1:0"] + arguments)
        for _ in 0..<6000 {
            let pipe = unsafe open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            if pipe >= 0 { return (child, pipe) }
            usleep(10_000)
        }
        throw ChildProcess.Failure(description: "the service does not read its configuration")
    }

    /// SIGHUP and SIGPIPE do not end the start, and a reload follows it.
    @Test func earlyReloadIsNotLost() throws {
        let (child, pipe) = try waitingService()
        for signal in [SIGHUP, SIGPIPE, SIGHUP] { child.send(signal: signal) }
        try folder.write(Self.yaml, to: "next.yaml")
        #expect(unsafe rename("\(folder.path)/next.yaml", "\(folder.path)/serve.yaml") == 0)
        #expect(unsafe Self.yaml.withUnsafeBytes { unsafe write(pipe, $0.baseAddress, $0.count) } == Self.yaml.count)
        close(pipe)
        for _ in 0..<20 {
            child.send(signal: SIGHUP)
            usleep(5000)
        }
        try child.waitForErrors { $0.contains("listening on ") && $0.contains("the configuration is reloaded") }
        child.send(signal: SIGTERM)
        #expect(try child.wait(atMost: 20).status == 0)
    }

    /// A service that is stopped while it starts ends at once, with the status of one that runs.
    @Test(arguments: [SIGTERM, SIGINT]) func earlyStopIsProper(signal: Int32) throws {
        let (child, pipe) = try waitingService()
        child.send(signal: signal)
        let finished = try child.wait(atMost: 10)
        #expect(finished.status == 0 && finished.output.isEmpty && finished.errors.isEmpty, "\(finished)")
        close(pipe)
    }

    /// A check that is stopped has found nothing.
    @Test func stoppedCheckIsNotGood() throws {
        let (child, pipe) = try waitingService(["--check"])
        child.send(signal: SIGHUP)
        child.send(signal: SIGTERM)
        #expect(try child.wait(atMost: 10).status == -SIGTERM)
        close(pipe)
    }

    /// SIGHUP does not end a service that lets its streams end.
    @Test func lateReloadIsIgnored() throws {
        let server = try Server(hasTCP: true)
        // A client that does not read its last lines holds the service for a while.
        let slow = try Socket(port: try #require(server.tcpPort))
        try slow.send(Sound.raw(Sound.samples(16_000)))
        for _ in 0..<1000 where try !server.request("GET", "/v1/streams").text.contains("tcp") { usleep(10_000) }
        server.child.send(signal: SIGTERM)
        try server.child.waitForErrors { $0.contains("stopping") }
        for _ in 0..<50 {
            server.child.send(signal: SIGHUP)
            usleep(2000)
        }
        slow.finish()
        #expect(String(decoding: try slow.receiveAll(), as: UTF8.self).contains("\"type\":\"end\""))
        #expect(try server.child.wait(atMost: 20).status == 0)
    }
}
