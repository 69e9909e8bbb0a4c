internal import AudioClassifier
internal import FoundationEssentials
internal import Glibc
internal import Logging

/// Events as JSON lines in a file that is moved aside when it is large: `events.jsonl`, `events.jsonl.1` (the newest)
/// and so on.
struct EventFile: EventOutput {
    let name = "file"
    private let settings: ServeConfiguration.Events.File
    private let log: Logger

    init(_ settings: ServeConfiguration.Events.File, log: Logger) {
        self.settings = settings
        self.log = log
    }

    func run(_ events: AsyncStream<EventNotice>) async {
        var isFailing = false
        for await event in events {
            do {
                try append(event.json + "\n")
                if isFailing { log.notice("\(settings.path): events can be written again") }
                isFailing = false
            } catch {
                // A disk that is full stays full for a while: it is told once.
                if !isFailing { log.error("\(error.message)") }
                isFailing = true
            }
        }
    }

    /// Opened for every event, of which there are few, so that somebody else may move or remove the file.
    private func append(_ line: String) throws(ClassifierError) {
        var status = stat()
        if unsafe stat(settings.path, &status) == 0, Int(status.st_size) + line.utf8.count > settings.maximumBytes {
            rotate()
        }
        let descriptor = unsafe open(settings.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        let bytes = Array(line.utf8)
        let written = unsafe write(descriptor, bytes, bytes.count)
        guard written == bytes.count else {
            let failure = failure()
            // Half a line would spoil the next one.
            if written > 0, unsafe fstat(descriptor, &status) == 0 {
                ftruncate(descriptor, status.st_size - off_t(written))
            }
            throw failure
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

    private func failure() -> ClassifierError {
        ClassifierError(
            .inputOutput, code: "events",
            "\(settings.path): events cannot be written: \(unsafe String(cString: strerror(errno)))")
    }
}
