internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// Streams of `serve` resume after interruptions with the records of an uninterrupted stream.
@Suite struct ServeStateTests {
    private let folder: TemporaryDirectory
    private static let raw = Sound.raw(Sound.samples(64_000))

    init() throws { folder = try TemporaryDirectory() }

    private var settings: [String] { ["state.folder=\(folder.path)/states", "state.every_seconds=0.1"] }

    private func expected() throws -> [String] {
        try Program.run(["run", "-", "--input-format", "raw", "--source-name", "mic"], input: Self.raw).lines("frame")
    }

    private func record(_ message: WebSocketClient.Message?) throws -> JSONValue {
        guard case .text(let text)? = message else { return .null }
        return try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    /// Returns the recording from the server's position on.
    private func resume(_ server: Server, _ parameters: String = "resume=true") throws -> (
        start: JSONValue, frames: [String]
    ) {
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic&\(parameters)")
        let start = try record(try socket.receive())
        let sample = Int(start["sample"]?.number ?? 0)
        try socket.send(Array(Self.raw[(2 * sample)...]))
        try socket.send(text: "{\"type\":\"end\"}")
        return (start, try socket.receiveAll().texts("frame"))
    }

    @Test func killedServiceResumes() throws {
        let whole = try expected()
        let server = try Server(settings)
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic")
        // The first state may be that of an empty stream; the second one follows more samples. The service is killed
        // after it is saved, while more samples arrive.
        let path = "\(folder.path)/states/mic.state"
        for samples in [0..<40_000, 40_000..<50_000] {
            _ = unsafe unlink(path)
            try socket.send(Array(Self.raw[samples]))
            for _ in 0..<600 where !FileManager.default.fileExists(atPath: path) { usleep(50_000) }
        }
        try socket.send(Array(Self.raw[50_000..<60_001]))
        server.child.send(signal: SIGKILL)
        _ = try server.child.wait()
        let again = try Server(settings)
        let (start, frames) = try resume(again)
        #expect(start["resumed"] == .bool(true))
        let sample = try #require(start["sample"]?.number)
        #expect(sample > 0 && sample <= 30_000)
        #expect(!frames.isEmpty && frames == whole.suffix(frames.count))
        #expect(frames.count == 99 - (Int(sample) < 880 ? 0 : (Int(sample) - 880) / 640 + 1))
        for _ in 0..<500 where FileManager.default.fileExists(atPath: path) { usleep(10_000) }
        #expect(!FileManager.default.fileExists(atPath: path), "a complete stream leaves no state")
    }

    @Test func stoppedServiceResumes() throws {
        let whole = try expected()
        let server = try Server(settings)
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic")
        try socket.send(Array(Self.raw[..<40_000]))
        for _ in 0..<100 {
            try socket.send(text: "{\"type\":\"ping\"}")
            if try record(socket.receive())["sample"] == 20_000 { break }
        }
        #expect(try server.stop().status == 0)
        let (start, frames) = try resume(try Server(settings))
        #expect(start["sample"] == 20_000 && frames == whole.suffix(frames.count))
    }

    /// A client resumes before the server has detected its broken connection, and repeats some samples.
    @Test func brokenConnectionIsResumed() throws {
        let whole = try expected()
        let server = try Server()
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic")
        try socket.send(Array(Self.raw[..<40_000]))
        var frames: [String] = []
        while frames.count < 30, case .text(let text)? = try socket.receive() {
            if text.hasPrefix("{\"type\":\"frame\",") { frames.append(text) }
        }
        let next = try WebSocketClient(server, "/v1/stream?stream=mic&resume=true&position=15000")
        let start = try record(try next.receive())
        #expect(start["resumed"] == .bool(true) && start["sample"] == 20_000)
        try next.send(Array(Self.raw[30_000...]))
        try next.send(text: "{\"type\":\"end\"}")
        frames += try next.receiveAll().texts("frame")
        #expect(frames == whole)
    }

    /// A live client cannot send the missed audio again.
    @Test func missingSamplesAreAGap() throws {
        let server = try Server()
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic")
        try socket.send(Array(Self.raw[..<40_000]))
        socket.socket.vanish()
        let next = try WebSocketClient(server, "/v1/stream?stream=mic&resume=true&position=48000")
        try next.send(Array(Self.raw[96_000...]))
        try next.send(text: "{\"type\":\"end\"}")
        let messages = try next.receiveAll()
        let gap = try record(
            messages.first { if case .text(let text) = $0 { text.contains("\"gap\"") } else { false } })
        let start = try record(messages.first)
        #expect(gap["sample"] == start["sample"])
        #expect((gap["sample"]?.number ?? 0) + (gap["lost_samples"]?.number ?? 0) == 48_000)
    }

    @Test func stateMovesToAnotherMachine() throws {
        let whole = try expected()
        let (first, second) = (try Server(), try Server())
        let socket = try WebSocketClient(first, "/v1/stream?stream=mic")
        try socket.send(Array(Self.raw[..<40_000]))
        while case .text(let text)? = try socket.receive(), !text.contains("\"frame\":29,") {}
        for _ in 0..<100 where try first.request("GET", "/v1/streams/mic").json()["sample"] != 20_000 { usleep(20_000) }
        let state = try first.request("GET", "/v1/streams/mic/state")
        #expect(state.status == 200 && state.headers["content-type"] == "application/octet-stream")
        #expect(try second.request("PUT", "/v1/streams/mic/state", body: state.body).status == 204)
        let (start, frames) = try resume(second)
        #expect(start["sample"] == 20_000 && frames == whole.suffix(frames.count))

        #expect(try first.request("PUT", "/v1/streams/mic/state", body: state.body).status == 409)
        var damaged = state.body
        damaged[damaged.count / 2] ^= 1
        let refused = try second.request("PUT", "/v1/streams/mic/state", body: damaged)
        #expect(refused.status == 422 && refused.text.contains("damaged"))
        #expect(try second.request("GET", "/v1/streams/none/state").status == 404)
        #expect(try second.request("PUT", "/v1/streams/..%2Fa/state", body: state.body).status == 400)
    }

    /// Streams without a usable state start afresh, and `note` gives the reason.
    @Test func otherStatesStartAfresh() throws {
        let whole = try expected()
        let states = "\(folder.path)/states"
        let server = try Server(settings)
        let none = try resume(server)
        #expect(none.start["resumed"] == .bool(false) && none.start["note"]?.string?.contains("no state") == true)
        #expect(none.frames == whole)
        try Data("not a state".utf8).write(to: URL(filePath: "\(states)/mic.state"))
        let foreign = try resume(server)
        #expect(foreign.start["resumed"] == .bool(false) && foreign.start["note"]?.string?.contains("afresh") == true)
        #expect(foreign.frames == whole)
        let resampled = try WebSocketClient(server, "/v1/stream?stream=mic&resume=true&rate=48000")
        #expect(try record(resampled.receive())["note"]?.string?.contains("rate") == true)
    }
}
