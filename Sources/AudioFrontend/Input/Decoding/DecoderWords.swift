internal import CDecoderMessages

/// Captures the messages that decoders print to `stdout` and `stderr`.
public enum DecoderMessages {
    /// Takes over the C library's `stdout`, on which libsndfile names faults of a MIDI sample dump, and its `stderr`,
    /// on which libmpg123 prints warnings without a file's name. From then on a reader of an input gets these messages
    /// (``InputOptions/inform``); all other text arrives unchanged.
    ///
    /// Only programs should call it, at their start, because it affects the whole process. Direct writes to descriptors
    /// 1 and 2 are not affected.
    public static func capture() { decoder_messages_install() }
}

/// The messages that a decoder prints on this thread, from the initialiser to ``end()``.
struct DecoderWords {
    init() { decoder_messages_begin() }

    /// Ends the capture and returns the lines, usually none.
    func end() -> [String] {
        let count = decoder_messages_end()
        guard count > 0 else { return [] }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = unsafe decoder_messages_take(buffer.baseAddress, count)
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
            line.filter { !$0.isNewline && ($0.asciiValue ?? 32) >= 32 }
        }.filter { !$0.isEmpty }
    }
}
