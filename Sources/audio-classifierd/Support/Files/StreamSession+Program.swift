internal import AudioClassifier
internal import Logging

extension StreamSession {
    /// Makes the session end with the program and write its messages to the program's log.
    mutating func followProgram() {
        let log = Logger(label: "audio-classifierd")
        isStopped = { StopSignal.isRaised }
        inform = { log.info("\($0)") }
        warn = { log.warning("\($0)") }
    }
}
