internal import CSoxr

/// A converter of a stream's sample rate: libsoxr, high quality (linear phase, 20 bits). The filter's delay is
/// compensated, so that an input at time t comes out at time t, and ``finish(_:)`` flushes the filter.
@safe
struct Resampler: ~Copyable {
    private let handle: soxr_t
    private var output: [Float]

    init(from input: Int, to target: Int) throws(AudioError) {
        var failure: soxr_error_t? = nil
        var types = unsafe soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I)
        var quality = unsafe soxr_quality_spec(UInt(SOXR_HQ), 0)
        var runtime = unsafe soxr_runtime_spec(1)
        guard
            let handle = unsafe soxr_create(Double(input), Double(target), 1, &failure, &types, &quality, &runtime),
            unsafe failure == nil
        else {
            throw AudioError(.description, "cannot resample from \(input) to \(target) Hz")
        }
        unsafe self.handle = unsafe handle
        output = [Float](repeating: 0, count: 4096)
    }

    deinit { unsafe soxr_delete(handle) }

    /// Converts the next samples and hands over the result.
    mutating func push(_ samples: [Float], count: Int, _ body: (Span<Float>) throws(AudioError) -> Void)
        throws(AudioError)
    {
        var consumed = 0
        while consumed < count {
            let (taken, made) = unsafe samples.withUnsafeBufferPointer { buffer in
                unsafe process(buffer.baseAddress.map { unsafe $0 + consumed }, count - consumed)
            }
            consumed += taken
            if made > 0 { try Self.hand(output, made, to: body) }
            if taken == 0 && made == 0 { throw AudioError(.description, "the resampler takes no more samples") }
        }
    }

    /// Ends the stream: hands over the rest of the filter's samples.
    mutating func finish(_ body: (Span<Float>) throws(AudioError) -> Void) throws(AudioError) {
        while true {
            let (_, made) = unsafe process(nil, 0)
            if made == 0 { return }
            try Self.hand(output, made, to: body)
        }
    }

    private static func hand(
        _ output: [Float], _ count: Int, to body: (Span<Float>) throws(AudioError) -> Void
    ) throws(AudioError) {
        try body(output.span.extracting(0..<count))
    }

    @unsafe private mutating func process(_ input: UnsafePointer<Float>?, _ count: Int) -> (taken: Int, made: Int) {
        var taken = 0
        var made = 0
        let handle = unsafe handle
        unsafe output.withUnsafeMutableBufferPointer { buffer in
            _ = unsafe soxr_process(handle, input, count, &taken, buffer.baseAddress, buffer.count, &made)
        }
        return (taken, made)
    }
}
