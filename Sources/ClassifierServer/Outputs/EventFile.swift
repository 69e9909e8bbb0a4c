internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import StrictCoding

/// Writes events as JSON lines to a file, and rotates it when it is large: `events.jsonl`, `events.jsonl.1` (the newest
/// old one) and so on.
struct EventFile: EventOutput {
    let name = "file"
    private let settings: ServeConfiguration.Events.File
    private let metrics: ServerMetrics
    private let log: Logger

    init(_ settings: ServeConfiguration.Events.File, metrics: ServerMetrics, log: Logger) {
        self.settings = settings
        self.metrics = metrics
        self.log = log
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        var lost = 0
        if let fault = FileAccess.fault(ofAppendingTo: settings.path) {
            log.error("\(settings.path): events cannot be written: \(fault); until then they are lost")
        }
        for await message in events {
            guard case .event(let event) = message else { continue }
            do {
                try append(event.json + "\n")
                if lost > 0 {
                    let events = Quantity.text(lost, "event is", "events are")
                    log.notice("\(settings.path): events can be written again; \(events) lost")
                }
                lost = 0
            } catch {
                metrics.lostEvent(name)
                metrics.outputFailed(name)
                // A full disk stays full for a while, so only the first failure is logged.
                if lost == 0 { log.error("\(error.message)") }
                lost += 1
            }
        }
        if lost > 0 {
            let events = Quantity.text(lost, "event is", "events are")
            log.error("\(settings.path): events could not be written until the end; \(events) lost")
        }
    }

    /// Opens the file for every event, so that other programs may move or remove it.
    private func append(_ line: String) throws(ClassifierError) {
        var status = stat()
        if unsafe stat(settings.path, &status) == 0, Int(status.st_size) + line.utf8.count > settings.maximumBytes {
            rotate()
        }
        let descriptor = unsafe open(settings.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        do { try writeAll(line, to: descriptor) } catch {
            // Half a line would spoil the next one.
            if error.written > 0, unsafe fstat(descriptor, &status) == 0 {
                ftruncate(descriptor, status.st_size - off_t(error.written))
            }
            throw failure(error.number)
        }
    }

    private func rotate() {
        for number in stride(from: settings.keep - 1, through: 1, by: -1) {
            unsafe rename("\(settings.path).\(number)", "\(settings.path).\(number + 1)")
        }
        if settings.keep > 0 {
            unsafe rename(settings.path, "\(settings.path).1")
        } else {
            unsafe unlink(settings.path)
        }
    }

    private func failure(_ number: Int32) -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "events",
            "\(settings.path): events cannot be written: \(unsafe String(cString: strerror(number)))")
    }
}
