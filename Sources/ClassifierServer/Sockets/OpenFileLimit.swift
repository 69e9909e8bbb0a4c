internal import Glibc
internal import Logging

/// The limit of open files and sockets of this process. At its default, often 1024, a busy service could neither accept
/// a connection nor save a state.
enum OpenFileLimit {
    /// Descriptors for models, states, uploads, sources and events.
    private static let others = 256

    /// Raises the limit for a number of connections, and logs a warning if the system allows fewer.
    static func raise(connections: Int, log: Logger) {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return }
        let needed = rlim_t(connections + others)
        guard limit.rlim_cur < needed else { return }
        limit.rlim_cur = min(needed, limit.rlim_max)
        guard unsafe setrlimit(resource, &limit) == 0, limit.rlim_cur < needed else { return }
        log.warning(
            """
            limits.connections is \(connections), and this process may have \(limit.rlim_cur) files open; \
            raise LimitNOFILE= of its unit (ulimit -n) to \(needed), or lower limits.connections
            """)
    }
}
