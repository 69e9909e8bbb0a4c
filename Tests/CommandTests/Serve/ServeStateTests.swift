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

    /// Returns the state of a stream after 20,000 samples.
    private func state(_ server: Server) throws -> [UInt8] {
        let socket = try WebSocketClient(server, "/v1/stream?stream=source")
        try socket.send(Array(Self.raw[..<40_000]))
        while case .text(let text)? = try socket.receive(), !text.contains("\"frame\":29,") {}
        for _ in 0..<500 where try server.request("GET", "/v1/streams/source").json()["sample"] != 20_000 {
            usleep(20_000)
        }
        defer { withExtendedLifetime(socket) {} }
        return try server.request("GET", "/v1/streams/source/state").body
    }

    /// A state with a good checksum whose parts contradict each other would stop the service.
    @Test func contradictingStatesAreRefused() throws {
        let server = try Server()
        let sound = try state(server)
        let name = (0..<8).reduce(0) { $0 | Int(sound[16 + $1]) << (8 * $1) }
        let received = 24 + name
        for value in [0, 19_999, 20_001, 1 << 46, 1 << 62] as [UInt64] {
            var damaged = sound
            for byte in 0..<8 { damaged[received + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)) }
            let sum = fnv1a(damaged[16...])
            for byte in 0..<8 { damaged[8 + byte] = UInt8(truncatingIfNeeded: sum >> UInt64(8 * byte)) }
            let reply = try server.request("PUT", "/v1/streams/mic/state", body: damaged)
            #expect(reply.status == 422 && reply.text.contains("\"snapshot\""), "\(value): \(reply.text)")
        }
        #expect(try server.request("PUT", "/v1/streams/mic/state", body: sound).status == 204)
    }

    /// States are bounded in size, in number, and in the number of those that are checked at the same time.
    @Test func statesAreBounded() throws {
        let server = try Server(["state.folder=\(folder.path)/states", "state.files=3", "state.transfers=1"])
        let sound = try state(Server())
        let large = sound + [UInt8](repeating: 0, count: 65536)
        let tooLarge = try server.request("PUT", "/v1/streams/large/state", body: large)
        #expect(tooLarge.status == 413 && tooLarge.text.contains("larger than a state"), "\(tooLarge.text)")
        for name in ["a", "b", "c", "a"] {
            #expect(try server.request("PUT", "/v1/streams/\(name)/state", body: sound).status == 204)
        }
        let full = try server.request("PUT", "/v1/streams/d/state", body: sound)
        #expect(full.status == 507 && full.text.contains("state.files"), "\(full.text)")

        // States that have not come completely take no place, however many there are.
        let fields = "Host: 127.0.0.1\r\nConnection: close\r\nContent-Length: \(sound.count)"
        let begun = Array("PUT /v1/streams/a/state HTTP/1.1\r\n\(fields)\r\n\r\n".utf8) + sound.dropLast()
        var refused: Reply?
        for _ in 0..<20 where refused == nil {
            let slow = try (0..<20).map { _ in try server.connect() }
            for socket in slow { try socket.send(begun) }
            usleep(100_000)
            #expect(try server.request("PUT", "/v1/streams/a/state", body: sound).status == 204)
            // A transfer ends after its answer.
            usleep(100_000)
            for socket in slow { try socket.send([sound[sound.count - 1]]) }
            let replies = try slow.map { try Reply(try $0.receiveAll()) }
            #expect(replies.allSatisfy { $0.status == 204 || $0.status == 503 })
            #expect(replies.contains { $0.status == 204 })
            refused = replies.first { $0.status == 503 }
        }
        #expect(refused?.text.contains("state.transfers") == true && refused?.headers["retry-after"] == "5")
        for _ in 0..<100 where try server.request("PUT", "/v1/streams/a/state", body: sound).status == 503 {
            usleep(10_000)
        }

        // A stream that ends without a final end takes the place of the oldest state.
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic")
        try socket.send(Array(Self.raw[..<4000]))
        socket.socket.vanish()
        let path = "\(folder.path)/states"
        for _ in 0..<500 where !FileManager.default.fileExists(atPath: "\(path)/mic.state") { usleep(10_000) }
        let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".state") }
        #expect(names.count == 3 && names.contains("mic.state") && !names.contains("b.state"), "\(names)")
    }

    /// Only a stream that has had audio takes the place of the saved one.
    @Test(arguments: ["&resume=true&rate=8000", "&resume=true&model=general"])
    func streamWithoutAudioKeepsTheState(parameters: String) throws {
        let whole = try expected()
        let server = try Server(settings + ["models=general"])
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic")
        try socket.send(Array(Self.raw[..<40_000]))
        try socket.send(text: "{\"type\":\"ping\"}")
        while try record(socket.receive())["type"] != "pong" {}
        socket.socket.vanish()
        let other = try WebSocketClient(server, "/v1/stream?stream=mic\(parameters)")
        #expect(try record(other.receive())["resumed"] == .bool(false))
        usleep(500_000)  // states are saved several times meanwhile
        other.socket.vanish()
        let (start, frames) = try resume(server)
        #expect(start["resumed"] == .bool(true) && start["sample"] == 20_000, "\(start)")
        #expect(frames == whole.suffix(frames.count))
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
