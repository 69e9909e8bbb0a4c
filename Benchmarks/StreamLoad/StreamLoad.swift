internal import Foundation
internal import Glibc

/// Many real-time streams from one thread of little cost, so that a measurement shows the service: `make soak`.
///
/// It connects all streams at once and prints one JSON object: the numbers of refused and harmed streams, and the
/// latencies of predictions since their newest sample was sent.
@main
struct StreamLoad {
    private static let patience: UInt64 = 10_000_000_000

    private var streams: [LoadStream] = []
    private var latencies: [Float] = []
    /// Largest delay with which this program offered a block to its socket.
    private var latest: UInt64 = 0
    private let samples: [UInt8]
    private var buffer = [UInt8](repeating: 0, count: 65536)

    static func main() {
        if CommandLine.arguments.dropFirst() == ["calls"] {
            let calls = SystemCalls.measure()
            print("{\"read_us\":\(calls.read),\"write_us\":\(calls.write)}")
            return
        }
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard numbers.count == 3, (1...65535).contains(numbers[0]), numbers[1] > 0, numbers[2] > 0 else {
            print("usage: stream-load PORT STREAMS SECONDS | calls\nPORT is serve's listen.tcp, on this machine.")
            exit(64)
        }
        var load = StreamLoad()
        load.connect(port: numbers[0], count: numbers[1])
        load.run(blocks: numbers[2] * Int(1_000_000_000 / LoadStream.blockNanoseconds))
        print(load.report)
    }

    private init() {
        // Two seconds of noise, on which the front-end works as on any sound.
        var generator: UInt64 = 1
        samples = (0..<(50 * 2 * LoadStream.block)).map { _ in
            generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: generator >> 56)
        }
    }

    private static func now() -> UInt64 { monotonicNanoseconds() }

    private mutating func connect(port: Int, count: Int) {
        var connections: [(descriptor: Int32, isConnected: Bool)] = []
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            var one: Int32 = 1
            unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            connections.append((descriptor, result == 0))
        }
        // Real time begins with the last connection: streams that began before would send what they missed at once.
        let start = Self.now() + 200_000_000
        for (index, connection) in connections.enumerated() {
            // The blocks of real sources are not synchronous.
            let phase = LoadStream.blockNanoseconds * UInt64(index) / UInt64(count)
            streams.append(LoadStream(descriptor: connection.descriptor, began: start + phase))
            if !connection.isConnected { streams[index].leave(.broken) }
        }
    }

    private mutating func run(blocks: Int) {
        var next = streams.map(\.nextTime).min() ?? 0
        var polls = streams.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        var deadline: UInt64?
        while streams.contains(where: { $0.outcome == .running }) {
            let now = Self.now()
            if now >= next {
                next = now + LoadStream.blockNanoseconds
                for index in streams.indices where streams[index].outcome == .running && streams[index].blocks < blocks
                {
                    if streams[index].nextTime <= now { send(index, blocks, now) }
                    if streams[index].blocks < blocks { next = min(next, streams[index].nextTime) }
                }
                if deadline == nil, streams.allSatisfy({ $0.outcome != .running || $0.blocks == blocks }) {
                    deadline = now + Self.patience
                }
            }
            if let deadline, now > deadline { break }
            for index in streams.indices where streams[index].outcome != .running { polls[index].fd = -1 }
            // One iteration a millisecond, which is part of the latencies, so that the service gets the processor.
            usleep(1000)
            let wait = max(1, Int64(next) - Int64(Self.now())) / 1_000_000
            guard unsafe poll(&polls, nfds_t(polls.count), Int32(max(0, wait))) > 0 else { continue }
            let came = Self.now()
            for index in polls.indices where polls[index].revents != 0 {
                streams[index].receive(into: &buffer, now: came) { latencies.append($0) }
            }
        }
        for stream in streams { close(stream.descriptor) }
    }

    private mutating func send(_ index: Int, _ blocks: Int, _ now: UInt64) {
        let size = 2 * LoadStream.block
        let start = (streams[index].blocks + index) % 50 * size
        latest = max(latest, now - streams[index].nextTime)
        streams[index].send(samples[start..<(start + size)], now: now)
        if streams[index].blocks == blocks { streams[index].finish() }
    }

    private var report: String {
        let sorted = latencies.sorted()
        func quantile(_ part: Double) -> String {
            sorted.isEmpty ? "null" : "\(sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))])"
        }
        func count(_ outcome: LoadStream.Outcome) -> Int { streams.count { $0.outcome == outcome } }
        let harmed = count(.broken) + count(.running)
        return """
            {"streams":\(streams.count),"refused":\(count(.refused)),"harmed":\(harmed),\
            "gaps":\(streams.reduce(0) { $0 + $1.gaps }),"dropped":\(streams.reduce(0) { $0 + $1.dropped }),\
            "frames":\(sorted.count),"p50":\(quantile(0.5)),"p99":\(quantile(0.99)),"max":\(quantile(1)),\
            "sent_late_ms":\(latest / 1_000_000)}
            """
    }
}

/// The monotonic clock, in nanoseconds.
private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
