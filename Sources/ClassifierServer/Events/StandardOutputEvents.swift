internal import AudioClassifier
internal import Glibc
internal import Logging

/// Events as JSON lines on standard output, for a pipe into another program.
///
/// A reader that is slow makes this output wait, and nobody else: nothing is written before the system says that there
/// is room. The descriptor is left as it was, because other processes may share it.
struct StandardOutputEvents: EventOutput {
    private enum Failure: Error { case readerGone, system(Int32) }

    let name = "stdout"
    private let descriptor: Int32
    private let metrics: ServerMetrics
    private let log: Logger

    /// What a pipe that is ready takes without blocking, at least (pipe(7)).
    private static let piece = 4096

    init(descriptor: Int32 = STDOUT_FILENO, metrics: ServerMetrics, log: Logger) {
        self.descriptor = descriptor
        self.metrics = metrics
        self.log = log
    }

    func run(_ events: AsyncStream<EventNotice>) async {
        var isFailing = false
        var isGone = false
        // The rest of a line whose writing failed in its middle: lines stay whole.
        var rest: ArraySlice<UInt8> = []
        for await event in events {
            guard !isGone else {
                metrics.lostEvent(name)
                continue
            }
            do throws(Failure) {
                try await write(&rest)
                rest = Array("\(event.json)\n".utf8)[...]
                let whole = rest.count
                do throws(Failure) { try await write(&rest) } catch {
                    // A line that has not begun is lost as a whole.
                    if rest.count == whole { rest = [] }
                    throw error
                }
                if isFailing { log.notice("standard output: events can be written again") }
                isFailing = false
            } catch {
                metrics.lostEvent(name)
                switch error {
                case .readerGone:
                    isGone = true
                    log.warning("standard output: its reader has gone; no more events are written there")
                case .system(let number):
                    // A disk that is full stays full for a while: it is told once.
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

    /// Whether a write returns at once, be it with an error.
    private func isReady() -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&waiting, 1, 0) != 0
    }
}
