internal import Glibc
internal import NIOCore

/// Reports the service's state to systemd, for units of `Type=notify` (sd_notify(3)). Without systemd it does nothing.
struct Systemd: Sendable {
    private let address: String?
    /// The longest time between two signs of life, in seconds; nil without a watchdog.
    private let watchdog: Double?

    init() {
        address = Self.variable("NOTIFY_SOCKET")
        let pid = Self.variable("WATCHDOG_PID")
        let isForThisProcess = pid == nil || pid == "\(getpid())"
        watchdog = isForThisProcess ? Self.variable("WATCHDOG_USEC").flatMap { Double($0) }.map { $0 * 1e-6 } : nil
    }

    func ready() { notify("READY=1") }
    func stopping() { notify("STOPPING=1") }
    func reloading() { notify("RELOADING=1\nMONOTONIC_USEC=\(NIODeadline.now().uptimeNanoseconds / 1000)") }

    /// Sends signs of life until the task is cancelled.
    /// - Parameter ping: returns when all inference loops have answered; a loop that hangs never does.
    func watch(_ ping: @Sendable () async -> Void) async {
        guard let watchdog else { return }
        while (try? await Task.sleep(for: .seconds(watchdog / 3))) != nil {
            await ping()
            notify("WATCHDOG=1")
        }
    }

    /// Sends a datagram to systemd's socket.
    private func notify(_ text: String) {
        guard let path = address, path.utf8.count < 108 else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // A leading @ denotes the abstract namespace, whose addresses begin with a zero byte.
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &target.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(text.utf8)
        _ = unsafe withUnsafePointer(to: &target) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bytes.withUnsafeBytes { unsafe sendto(descriptor, $0.baseAddress, $0.count, 0, address, length) }
            }
        }
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
