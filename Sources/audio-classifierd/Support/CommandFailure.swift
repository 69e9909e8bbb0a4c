import ArgumentParser
import AudioClassifier
import AudioFrontend
import Glibc
import Logging
import StreamTransformer

/// The end of a command that failed: one line on standard error, and a status of `sysexits.h`.
enum CommandFailure {
    static func exit(_ error: any Error) -> Never {
        switch error {
        case is OutputSink.ReaderGone:
            Glibc.exit(ExitStatus.done.rawValue)
        case is ClassifierError, is AudioError, is ModelError:
            let failure = ClassifierError(error)
            report(failure)
            Glibc.exit(failure.status.rawValue)
        case let stopped as StopSignal.Stopped:
            Logger(label: "audio-classifierd").warning("stopped by a signal; \(stopped.consequence)")
            Glibc.exit(128 + StopSignal.number)
        case let code as ExitCode:
            Glibc.exit(code.rawValue)
        default:
            // The parser handles help, version and usage errors; it exits with 64 for the latter.
            let code = AudioClassifierd.exitCode(for: error)
            if code.isSuccess { exit(printing: AudioClassifierd.fullMessage(for: error)) }
            guard StandardErrorLog.isJSON else { AudioClassifierd.exit(withError: error) }
            report(ClassifierError(.usage, code: "usage", AudioClassifierd.message(for: error)))
            Glibc.exit(code.rawValue)
        }
    }

    /// Ends a command whose only output is a text of the parser.
    private static func exit(printing text: String) -> Never {
        do { if !text.isEmpty { try OutputSink().write([text]) } } catch { exit(error) }
        Glibc.exit(ExitStatus.done.rawValue)
    }

    static func report(_ failure: ClassifierError) {
        Logger(label: "audio-classifierd").error("\(failure.message)", metadata: nil)
    }
}

/// The exit statuses of `sysexits.h` that the commands use.
enum ExitStatus: Int32 {
    case done = 0
    case usage = 64
    case data = 65
    case noInput = 66
    case unavailable = 69
    case software = 70
    case inputOutput = 74
    case configuration = 78
}

extension ClassifierError {
    var status: ExitStatus {
        switch kind {
        case .usage: .usage
        case .data: .data
        case .noInput: .noInput
        case .unavailable: .unavailable
        case .software: .software
        case .inputOutput: .inputOutput
        case .configuration: .configuration
        }
    }
}
