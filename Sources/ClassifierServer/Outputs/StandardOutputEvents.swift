internal import AudioClassifier
internal import Glibc
internal import Logging

/// Writes events as JSON lines to standard output, for a pipe into another program.
///
/// A slow reader delays this output alone: it writes only when the system reports room. The flags of the descriptor
/// stay, because other processes may share it.
struct StandardOutputEvents: EventOutput {
    private enum Failure: Error { case readerGone, system(Int32) }

    let name = "stdout"
    private let descriptor: Int32
    private let metrics: ServerMetrics
    private let log: Logger

    /// Number of bytes that a ready pipe takes without blocking (pipe(7)).
    private static let piece = 4096

    init(descriptor: Int32 = STDOUT_FILENO, metrics: ServerMetrics, log: Logger) {
        self.descriptor = descriptor
        self.metrics = metrics
        self.log = log
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        var isFailing = false
        var isGone = false
        // The rest of a half-written line, which is written before the next line.
        var rest: ArraySlice<UInt8> = []
        for await message in events {
            guard case .event(let event) = message else { continue }
            guard !isGone else {
                metrics.lostEvent(name)
                continue
            }
            do throws(Failure) {
                try await write(&rest)
                rest = Array("\(event.json)\n".utf8)[...]
                let whole = rest.count
                do throws(Failure) { try await write(&rest) } catch {
                    // No byte was written, so the whole line is lost.
                    if rest.count == whole { rest = [] }
                    throw error
                }
                if isFailing { log.notice("standard output: events can be written again") }
                isFailing = false
            } catch {
                metrics.lostEvent(name)
                metrics.outputFailed(name)
                switch error {
                case .readerGone:
                    isGone = true
                    log.warning("standard output: its reader has closed it; no more events are written")
                case .system(let number):
                    // A full disk stays full for a while, so only the first failure is logged.
                    if !isFailing {
                        log.error(
                            "standard output: events cannot be written: \(unsafe String(cString: strerror(number)))")
                    }
                    isFailing = true
                }
            }
        }
    }

    private func write(_ rest: inout ArraySlice<UInt8>) async throws(Failure) {
        while !rest.isEmpty {
            while !isReady() {
                do { try await Task.sleep(for: .milliseconds(10)) } catch { throw Failure.system(EAGAIN) }
            }
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, min($0.count, Self.piece))
            }
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            if count < 0 && errno == EPIPE { throw .readerGone }
            guard count > 0 else { throw .system(errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Whether a write returns at once, with or without an error.
    private func isReady() -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&waiting, 1, 0) != 0
    }
}
