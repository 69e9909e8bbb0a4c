internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// Uploads hold nobody up: not those that come slowly, not those whose clients go, not very long ones.
@Suite struct ServeUploadTests {
    private static let second = Sound.raw(Sound.samples(16000))
    private static let target = "/v1/classify?sample_format=s16le&rate=16000"

    private func head(_ server: Server, length: Int, rate: Int = 16000) -> [UInt8] {
        let target = "/v1/classify?sample_format=s16le&rate=\(rate)"
        let host = "Host: 127.0.0.1:\(server.httpPort)"
        return Array("POST \(target) HTTP/1.1\r\n\(host)\r\nContent-Length: \(length)\r\n\r\n".utf8)
    }

    @Test func slowBodiesTakeNoSlot() throws {
        let server = try Server(["limits.files=1", "limits.idle_seconds=2"])
        let slow = try server.connect()
        try slow.send(head(server, length: 1_000_000) + Self.second)
        #expect(try server.request("POST", Self.target, body: Self.second).status == 200)
        // A byte now and then does not keep the connection.
        let began = ContinuousClock.now
        while ContinuousClock.now - began < .seconds(20), (try? slow.send([0])) != nil { usleep(200_000) }
        #expect(ContinuousClock.now - began < .seconds(15))
    }

    /// A file takes its slot for as long as its client is there.
    @Test(arguments: [true, false])
    func clientsThatGoCancelTheirFiles(isReset: Bool) throws {
        let server = try Server(["limits.files=1", "limits.file_seconds=1000000"])
        // Nine hours at a rate of 1000 Hz.
        let long = [UInt8](repeating: 0, count: 63_000_000)
        do {
            let client = try server.connect()
            try client.send(head(server, length: long.count, rate: 1000) + long)
            usleep(500_000)
            if isReset { client.vanish() }
        }
        var status = 503
        for _ in 0..<100 where status == 503 {
            usleep(100_000)
            status = try server.request("POST", Self.target, body: Self.second).status
        }
        #expect(status == 200)
        #expect(try server.stop().status == 0)
    }

    @Test func longestDurationIsALimit() throws {
        let server = try Server(["limits.file_seconds=1.5"])
        #expect(try server.request("POST", Self.target, body: Self.second).status == 200)
        let refused = try server.request("POST", Self.target, body: Self.second + Self.second)
        #expect(refused.status == 422 && refused.text.contains("\"code\":\"too_long\""))
    }

    /// SIGTERM does not wait for a file.
    @Test func stopCancelsFiles() throws {
        let server = try Server(["limits.file_seconds=1000000"])
        let long = [UInt8](repeating: 0, count: 63_000_000)
        let client = try server.connect()
        try client.send(head(server, length: long.count, rate: 1000) + long)
        usleep(500_000)
        server.child.send(signal: SIGTERM)
        #expect(try server.child.wait(atMost: 15).status == 0)
        withExtendedLifetime(client) {}
    }
}
