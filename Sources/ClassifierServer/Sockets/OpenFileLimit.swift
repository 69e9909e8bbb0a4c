internal import Glibc
internal import Logging

/// How many files and sockets this process may have open. Many systems begin with 1024, and a service that has used them
/// up takes no connection and saves no state, without a word.
enum OpenFileLimit {
    /// Beside connections: models, states, uploads, sources, events.
    private static let others = 256

    /// Raises the limit to what the connections need, as far as the system lets it, and says where that is not enough.
    static func raise(connections: Int, log: Logger) {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return }
        let needed = rlim_t(connections + others)
        guard limit.rlim_cur < needed else { return }
        limit.rlim_cur = min(needed, limit.rlim_max)
        guard unsafe setrlimit(resource, &limit) == 0, limit.rlim_cur < needed else { return }
        log.warning(
            "limits.connections is \(connections), and this process may have \(limit.rlim_cur) files open; raise LimitNOFILE= of its unit (ulimit -n) to \(needed), or lower limits.connections"
        )
    }
}
