internal import CDecoderMessages

/// Keeps what the decoders print to `stderr` off the program's standard error.
public enum DecoderMessages {
    /// Takes over the C library's `stderr`, on which libmpg123 prints warnings without a file's name. From then on a
    /// reader of an input gets them (``InputOptions/inform``), and whatever else is printed there arrives unchanged.
    ///
    /// For programs, at their start: it changes the process, and writing to descriptor 2 is left as it is.
    public static func capture() { decoder_messages_install() }
}

/// The words that a decoder prints on this thread, from the initialiser to ``end()``.
struct DecoderWords {
    init() { decoder_messages_begin() }

    /// Their lines; as a rule, none.
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
