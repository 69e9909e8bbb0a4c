internal import FoundationEssentials
internal import Glibc

/// The use of the system by this process, under the names that Prometheus' clients agree on.
enum ProcessMetrics {
    /// Start of the process, in seconds since 1970.
    private static let start: Double = {
        // Since the machine's start, in clock ticks: the 22nd field; the name in parentheses may contain spaces.
        let fields = contents("stat").split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = fields.count > 19 ? Double(fields[19]) ?? 0 : 0
        return seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME) + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    /// Writes all metrics of the process.
    static func write(to text: inout PrometheusText) {
        text.counter(
            "process_cpu_seconds_total", "Processor time of the process, user and system.",
            seconds(CLOCK_PROCESS_CPUTIME_ID), prefix: "")
        let pages = contents("statm").split(separator: " ").prefix(2).map { Double($0) ?? 0 }
        if pages.count == 2 {
            let size = Double(sysconf(Int32(_SC_PAGESIZE)))
            text.gauge(
                "process_virtual_memory_bytes", "Virtual memory of the process.", pages[0] * size, prefix: "")
            text.gauge(
                "process_resident_memory_bytes", "Memory of the process in RAM.", pages[1] * size, prefix: "")
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            // One is the folder itself.
            text.gauge("process_open_fds", "Open files and sockets.", Double(open - 1), prefix: "")
        }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            text.gauge(
                "process_max_fds", "Largest number of open files and sockets.", Double(limit.rlim_cur), prefix: "")
        }
        text.gauge("process_start_time_seconds", "Start of the process, since 1970.", start, prefix: "")
    }

    private static func contents(_ name: String) -> String {
        (try? String(contentsOf: URL(filePath: "/proc/self/\(name)"), encoding: .utf8)) ?? ""
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
