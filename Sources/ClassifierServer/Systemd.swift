internal import Glibc
internal import NIOCore

/// What systemd wants to know of a service of `Type=notify`: that clients can connect, that the loops turn, that it
/// stops. Without systemd it says nothing.
struct Systemd: Sendable {
    private let address: String?
    /// The service must say something at least so often, in seconds.
    private let watchdog: Double?

    init() {
        address = Self.variable("NOTIFY_SOCKET")
        let pid = Self.variable("WATCHDOG_PID")
        let isMeant = pid == nil || pid == "\(getpid())"
        watchdog = isMeant ? Self.variable("WATCHDOG_USEC").flatMap { Double($0) }.map { $0 * 1e-6 } : nil
    }

    func ready() { tell("READY=1") }
    func stopping() { tell("STOPPING=1") }
    func reloading() { tell("RELOADING=1\nMONOTONIC_USEC=\(NIODeadline.now().uptimeNanoseconds / 1000)") }

    /// Says that the loops turn, as long as they do: each one is asked, and one that hangs does not answer.
    func watch(_ loops: [InferenceLoop]) async {
        guard let watchdog else { return }
        while (try? await Task.sleep(for: .seconds(watchdog / 3))) != nil {
            for loop in loops { await loop.beat() }
            tell("WATCHDOG=1")
        }
    }

    /// A datagram to systemd's socket (sd_notify(3)).
    private func tell(_ text: String) {
        guard let path = address, path.utf8.count < 108 else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        // An address that begins so is in the abstract namespace.
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
