internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A jump of the time of day changes only the times in records of `serve`.
@Suite struct ServeClockTests {
    private static let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/opt/swift/usr/bin/clang"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Adds the seconds in a file to every time of day; monotonic clocks stay as they are.
    private static let shim = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        static long long offset(void) {
            char text[32] = {0};
            const char *path = getenv("CLOCK_OFFSET");
            int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
            if (file < 0) return 0;
            if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
            close(file);
            return atoll(text);
        }
        int clock_gettime(clockid_t clock, struct timespec *time) {
            int result = (int)syscall(SYS_clock_gettime, clock, time);
            if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += offset();
            return result;
        }
        int gettimeofday(struct timeval *restrict time, void *restrict zone) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            time->tv_sec = now.tv_sec;
            time->tv_usec = now.tv_nsec / 1000;
            return 0;
        }
        time_t time(time_t *result) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (result) *result = now.tv_sec;
            return now.tv_sec;
        }
        """

    private func jump(_ seconds: Int) throws { try folder.write(Array("\(seconds)\n".utf8), to: "offset") }

    private func restarts(_ server: Server) throws -> Double {
        try server.metric("source_restarts_total{source=\"dies\"}")
    }

    @Test(.enabled(if: compiler != nil, "needs a C compiler"))
    func jumpsChangeNothing() throws {
        try folder.write(Array(Self.shim.utf8), to: "clock.c")
        let library = "\(folder.path)/clock.so"
        let compiled = try ChildProcess(
            ["-shared", "-fPIC", "-O1", "-o", library, "\(folder.path)/clock.c"], program: try #require(Self.compiler)
        ).wait()
        try #require(compiled.status == 0, "\(compiled.errors)")
        try jump(0)
        try folder.write(Array("sources:\n  - {name: dies, command: [\"false\"]}\n".utf8), to: "serve.yaml")
        let server = try Server(
            ["limits.idle_seconds=15", "state.folder=\(folder.path)/states", "state.every_seconds=0.1"],
            arguments: ["--config", "\(folder.path)/serve.yaml"],
            environment: ["LD_PRELOAD": library, "CLOCK_OFFSET": "\(folder.path)/offset"])
        func start(_ socket: WebSocketClient) throws -> JSONValue {
            guard case .text(let text)? = try socket.receive() else { return .null }
            return try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        }
        let raw = Sound.raw(Sound.samples(48_000))
        let socket = try WebSocketClient(server, "/v1/stream?stream=mic")
        let first = try #require(try start(socket)["time"]?.number)
        // A client that has disconnected and may resume.
        let other = try WebSocketClient(server, "/v1/stream?stream=other")
        try other.send(Array(raw[..<20_000]))
        while case .text(let text)? = try other.receive(), !text.contains("\"frame\":14,") {}
        other.socket.vanish()
        let tenDays = 10 * 86400
        for (index, seconds) in [tenDays, -tenDays, 0].enumerated() {
            try jump(seconds)
            try socket.send(Array(raw[index * 32_000..<(index + 1) * 32_000]))
            while case .text(let text)? = try socket.receive(), !text.contains("\"frame\":\(25 * index + 20),") {}
            // Repeated tries continue, and new records have the new time.
            let before = try restarts(server)
            if index == 0 {
                var tries = 0
                while try restarts(server) == before, tries < 1000 {
                    tries += 1
                    usleep(10_000)
                }
                #expect(tries < 1000)
            }
            let probe = try WebSocketClient(server, "/v1/stream")
            let time = try #require(try start(probe)["time"]?.number)
            #expect(abs(time - first - Double(seconds)) < 3600, "the jump is seen")
        }
        let back = try WebSocketClient(server, "/v1/stream?stream=other&resume=true")
        #expect(try start(back)["resumed"] == .bool(true))
        try jump(-tenDays)
        // Silence is still detected after seconds.
        let messages = try socket.receiveAll()
        #expect(messages.texts("error").first?.contains("no audio came for 15 s") == true)
        #expect(try server.stop().status == 0)
    }
}
