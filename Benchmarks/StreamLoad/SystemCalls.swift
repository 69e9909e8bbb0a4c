internal import Glibc

/// Measures the system calls that no service can avoid for a block of a stream: one to read the block, one to write a
/// line.
enum SystemCalls {
    private static let repeats = 20000
    /// Bytes of a line.
    private static let line = 220

    /// Returns the microseconds of processor time of a read and a write, on a connection over loopback.
    static func measure() -> (read: Double, write: Double) {
        let (near, far) = connection()
        var block = [UInt8](repeating: 0, count: 2 * LoadStream.block)
        var (reading, writing, clock) = (0.0, 0.0, 0.0)
        for _ in 0..<repeats {
            _ = unsafe send(far, block, block.count, 0)
            let began = processorSeconds()
            _ = unsafe read(near, &block, block.count)
            let isRead = processorSeconds()
            _ = unsafe write(near, block, line)
            let isWritten = processorSeconds()
            reading += isRead - began
            writing += isWritten - isRead
            clock += processorSeconds() - isWritten
            _ = unsafe recv(far, &block, block.count, 0)
        }
        close(near)
        close(far)
        let scale = 1e6 / Double(repeats)
        return ((reading - clock) * scale, (writing - clock) * scale)
    }

    private static func connection() -> (near: Int32, far: Int32) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let far = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = unsafe bind(listener, $0, size)
                _ = listen(listener, 1)
                _ = unsafe getsockname(listener, $0, &size)
                _ = unsafe connect(far, $0, size)
            }
        }
        let near = accept(listener, nil, nil)
        close(listener)
        var one: Int32 = 1
        for end in [near, far] { unsafe setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4) }
        return (near, far)
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
