/// What became of a request to classify a file.
enum UploadOutcome: String, CaseIterable {
    /// The answer has the results of the whole file.
    case classified
    /// The file is no audio, is damaged or is too long.
    case failed
    /// There was no room, or the request itself was wrong.
    case refused
    /// The file could not be stored.
    case storage
    /// The client went before the end of the answer.
    case abandoned
}
