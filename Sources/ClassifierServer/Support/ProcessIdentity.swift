internal import FoundationEssentials
internal import Glibc
internal import StrictCoding

/// A process among those of all machines and times.
package struct ProcessIdentity: Equatable, Sendable {
    /// The machine and its name, hashed.
    package let machine: String
    private let process: pid_t
    /// Start of the process, in clock ticks since the machine's.
    private let start: UInt64

    /// This process.
    package static let own = ProcessIdentity(
        machine: hash(of: [contents("/etc/machine-id") ?? "", host()]), process: getpid(),
        start: startTime("self") ?? 0)

    private init(machine: String, process: pid_t, start: UInt64) {
        self.machine = machine
        self.process = process
        self.start = start
    }

    /// Reads the text of an identity.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let process = pid_t(parts[1]), process > 0, let start = UInt64(parts[2]) else {
            return nil
        }
        self.init(machine: String(parts[0]), process: process, start: start)
    }

    package var text: String { "\(machine)-\(process)-\(start)" }

    /// Whether the process ran on this machine and has ended.
    package var hasEndedHere: Bool {
        guard machine == Self.own.machine, self != Self.own else { return false }
        // EPERM is the answer for a process of another user.
        guard kill(process, 0) == 0 || errno == EPERM else { return true }
        // The number may be that of a later process.
        return Self.startTime("\(process)").map { $0 != start } ?? false
    }

    /// Returns a short hash of texts.
    static func hash(of texts: [String]) -> String {
        String((fnv1a(texts.joined(separator: "\n").utf8) | 1 << 63), radix: 36).suffix(5).description
    }

    /// The start of a process, the 22nd field of its status (proc(5)); nil if it cannot be read.
    private static func startTime(_ process: String) -> UInt64? {
        // The name in parentheses may contain spaces.
        contents("/proc/\(process)/stat")?.split(separator: ")").last?.split(separator: " ").dropFirst(19).first
            .flatMap { UInt64($0) }
    }

    private static func contents(_ path: String) -> String? {
        try? String(contentsOf: URL(filePath: path), encoding: .utf8)
    }

    private static func host() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
