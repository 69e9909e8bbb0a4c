internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import Logging

/// Writes events as JSON lines to a file, and rotates it when it is large: `events.jsonl`, `events.jsonl.1` (the newest
/// old one) and so on.
struct EventFile: EventOutput {
    let name = "file"
    private let settings: ServeConfiguration.Events.File
    private let log: Logger

    init(_ settings: ServeConfiguration.Events.File, log: Logger) {
        self.settings = settings
        self.log = log
    }

    func run(_ events: AsyncStream<EventMessage>) async {
        var isFailing = false
        for await event in events {
            do {
                try append(event.json + "\n")
                if isFailing { log.notice("\(settings.path): events can be written again") }
                isFailing = false
            } catch {
                // A full disk stays full for a while, so only the first failure is logged.
                if !isFailing { log.error("\(error.message)") }
                isFailing = true
            }
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
