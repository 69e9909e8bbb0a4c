internal import AudioClassifier
internal import ClassifierServer
internal import Dispatch
internal import Glibc
internal import Logging
internal import TestSupport
internal import Testing

/// `serve` in the tests' own process, so that a trap in it leaves the input on the disk. Its listeners are Unix
/// sockets, of which a client opens thousands a second without running out of ports.
struct FuzzedService: Sendable {
    private let folder: String

    var http: String { "\(folder)/http" }
    var pcm: String { "\(folder)/pcm" }

    /// Serves for as long as `body` runs. Afterwards the service still answers, and no stream is left.
    ///
    /// `body` has a thread of its own: the service needs those of Swift's tasks, of which there are as many as cores.
    static func run(
        _ models: String, in folder: TemporaryDirectory, _ body: @escaping @Sendable (FuzzedService) throws -> Void
    ) async throws {
        let service = FuzzedService(folder: folder.path)
        let configuration = try ServeConfiguration(
            file: nil,
            flags: [
                "model": "\(models)/keywords-en/", "listen.http": "unix:\(service.http)",
                "listen.unix": "unix:\(service.pcm)", "limits.idle_seconds": "1", "limits.body_bytes": "100000",
                "state.folder": "\(folder.path)/states",
            ], environment: [:])
        let server = try Service(configuration, log: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
        let (begins, begin) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { begin.finish() }
                try await server.run(reread: { configuration }, started: { _ in begin.yield() })
            }
            var iterator = begins.makeAsyncIterator()
            if await iterator.next() != nil {
                try await withCheckedThrowingContinuation { ended in
                    DispatchQueue(label: "fuzz").async {
                        ended.resume(
                            with: Result {
                                try body(service)
                                service.checkHealth()
                            })
                    }
                }
            }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    private func checkHealth() {
        func answer(_ target: String) -> String {
            let request = Array("GET \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
            return String(decoding: Self.exchange(request, with: http, patience: 60), as: UTF8.self)
        }
        // A client that has ended its input gets `100 Continue` first.
        #expect(answer("/healthz").contains("HTTP/1.1 200 "))
        var streams = ""
        for _ in 0..<100 {
            streams = answer("/v1/streams")
            if streams.hasSuffix("[]\n") { return }
            usleep(100_000)
        }
        Issue.record("streams are left: \(streams)")
    }

    /// Sends bytes on a new connection, ends the input, and returns the answer.
    /// - Parameter patience: longest wait for each piece of the answer in seconds.
    @discardableResult
    static func exchange(_ bytes: [UInt8], with path: String, patience: Double = 0.02) -> [UInt8] {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let isConnected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isConnected else { return [] }
        var time = timeval(tv_sec: Int(patience), tv_usec: Int(patience.truncatingRemainder(dividingBy: 1) * 1e6))
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            unsafe setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        shutdown(descriptor, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = unsafe recv(descriptor, &buffer, buffer.count, 0), count > 0 {
            answer += buffer[..<count]
        }
        return answer
    }
}
