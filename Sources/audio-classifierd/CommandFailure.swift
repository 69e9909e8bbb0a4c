import ArgumentParser
import AudioFrontend
import ClassifierService
import Glibc
import Logging
import StreamTransformer

/// How a command ends that did not succeed: one line on standard error, and a status of `sysexits.h`.
enum CommandFailure {
    static func exit(_ error: any Error) -> Never {
        switch error {
        case is OutputSink.ReaderGone:
            Glibc.exit(ExitStatus.done.rawValue)
        case is ServiceError, is AudioError, is ModelError:
            let failure = ServiceError(error)
            report(failure)
            Glibc.exit(failure.status.rawValue)
        case let code as ExitCode:
            Glibc.exit(code.rawValue)
        default:
            // Help, version and usage errors are the parser's; it exits with 64 for the latter.
            AudioClassifierd.exit(withError: error)
        }
    }

    static func report(_ failure: ServiceError) {
        Logger(label: "audio-classifierd").error("\(failure.message)", metadata: nil)
    }
}
