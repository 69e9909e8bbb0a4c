/// The format of an input that has no header, and what to do with what is read.
public struct InputOptions: Sendable {
    public enum Container: String, Sendable, CaseIterable {
        /// By the content: a container that can be decoded, or else raw samples where ``InputOptions`` allow them.
        case auto
        case wav
        case raw
    }

    public var container = Container.auto
    /// Sample format of raw samples; `nil` means `s16le`. Stating it says that an input without a known header is raw.
    public var sampleFormat: SampleFormat?
    /// Sample rate of raw samples in Hz; `nil` means the reader's own. Stating it says that an input without a known
    /// header is raw.
    public var sampleRate: Int?
    /// Channels of raw samples; `nil` means one.
    public var channels: Int?
    public var selection = ChannelSelection.mix
    /// A descriptor that ends a stream when it becomes readable.
    public var interrupt: Int32?
    /// Whether an input whose content is not known is taken for raw samples: a microphone's pipe. A file with a name
    /// never is.
    public var acceptsBareSamples = true
    /// Receives remarks, such as the decoder's own.
    public var inform: @Sendable (String) -> Void = { _ in }
    /// Receives warnings at once, for example that a stream cannot be decoded before its end.
    public var warn: @Sendable (String) -> Void = { _ in }

    public init() {}
}
