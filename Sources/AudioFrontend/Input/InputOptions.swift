/// The format of an input that has no header, the choice of channel, and the receivers of messages.
public struct InputOptions: Sendable {
    public enum Container: String, Sendable, CaseIterable {
        /// By the content: a container that can be decoded, or else raw PCM if ``InputOptions`` allow it.
        case auto
        case wav
        case raw
    }

    public var container = Container.auto
    /// Sample format of raw PCM; `nil` means `s16le`. If it is set, an input without a known header is raw PCM.
    public var sampleFormat: SampleFormat?
    /// Sample rate of raw PCM in Hz; `nil` means the reader's own. If it is set, an input without a known header is raw
    /// PCM.
    public var sampleRate: Int?
    /// Channels of raw PCM; `nil` means one.
    public var channels: Int?
    public var selection = ChannelSelection.mix
    /// A descriptor that ends a stream when it becomes readable.
    public var interrupt: Int32?
    /// Whether an input of unknown content is taken for raw PCM, as from a microphone's pipe. A file that is opened by
    /// its name never is.
    public var acceptsRawPCM = true
    /// The words of messages that say what to change.
    public var advice = InputAdvice.commandLine
    /// Receives remarks, such as the decoder's own.
    public var inform: @Sendable (String) -> Void = { _ in }
    /// Receives warnings at once, for example that a stream cannot be decoded before its end.
    public var warn: @Sendable (String) -> Void = { _ in }

    public init() {}
}
