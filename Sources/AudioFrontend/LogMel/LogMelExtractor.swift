internal import Kernels
package import StrictCoding

/// An extractor of log-mel frames from samples, one hop at a time; the only implementation, for files and for
/// microphones.
///
/// A frame is computed as soon as its last sample has arrived. The same samples give the same frames, bit for bit,
/// however they are cut into calls of ``push(_:frame:)``. Only `init` allocates.
///
/// ```swift
/// var extractor = try LogMelExtractor(.yamnet)
/// try extractor.push(samples.span) { bands in
///     print(bands[0])  // 64 floats, ln(mel + 0.001), every 160 samples
/// }
/// ```
public struct LogMelExtractor: ~Copyable {
    public let recipe: LogMelRecipe
    private let kernels = Kernels.best
    private let window: ConstantVector  // (frameSpan)
    private let filters: BandedMatrix  // (bins) -> (bands)
    private let logScale: Float
    private var fft: RealFFT

    private var history: AlignedBuffer  // samples that frames still need
    private var start = 0  // of the next frame in `history`; beyond `filled` where the hop is longer than a frame
    private var filled = 0
    private var magnitudes: AlignedBuffer  // (bins)
    private var bands: AlignedBuffer  // (bands, padded)

    /// Number of frames so far, which is the index of the next one.
    public private(set) var frames: Int64 = 0

    /// - Throws: ``AudioError`` where the recipe is impossible.
    public init(_ recipe: LogMelRecipe) throws(AudioError) { try self.init(LogMelTables(recipe)) }

    /// - Throws: ``AudioError`` where memory is short.
    package init(_ tables: LogMelTables) throws(AudioError) {
        recipe = tables.recipe
        window = tables.window
        filters = tables.filters
        logScale = tables.logScale
        fft = try RealFFT(length: recipe.fftLength, tables.rotations)
        history = AlignedBuffer(count: recipe.frameSpan + max(4 * recipe.hop, 4096))
        magnitudes = AlignedBuffer(count: recipe.fftLength / 2 + 1)
        bands = AlignedBuffer(count: filters.paddedOutputs)
        filled = recipe.leadingZeros
    }

    /// Takes the next samples (mono, at the recipe's rate, finite) and hands over every frame that they complete.
    /// - Parameter frame: called with `recipe.bands` floats, valid during the call.
    public mutating func push<E: Error>(_ samples: Span<Float>, frame: (Span<Float>) throws(E) -> Void) throws(E) {
        var taken = 0
        while taken < samples.count {
            if filled == history.count { compact() }
            let count = min(samples.count - taken, history.count - filled)
            history.copy(samples.extracting(taken..<taken + count), to: filled)
            filled += count
            taken += count
            while filled - start >= recipe.frameSpan {
                compute()
                start += recipe.hop
                frames += 1
                try frame(bands.part(0..<recipe.bands))
            }
        }
    }

    /// Ends the stream: hands over the frames that reach into the zeros after it (only if the recipe centres its
    /// frames).
    public mutating func finish<E: Error>(frame: (Span<Float>) throws(E) -> Void) throws(E) {
        guard recipe.center else { return }
        let zeros = [Float](repeating: 0, count: recipe.leadingZeros)
        try push(zeros.span, frame: frame)
    }

    /// Returns to the state of a new extractor.
    public mutating func reset() {
        history.fill(0)
        start = 0
        filled = recipe.leadingZeros
        frames = 0
    }

    /// Makes room at the end of `history`.
    private mutating func compact() {
        if start >= filled {
            start -= filled
            filled = 0
        } else {
            history.move(start..<filled, to: 0)
            filled -= start
            start = 0
        }
    }

    /// Computes one frame: the samples at `start`, `frameSpan` of them, become `bands`.
    private mutating func compute() {
        if recipe.needsPreparation {
            prepare()  // (frameSpan)
        } else {
            kernels.multiply(history, from: start, by: window, into: &fft.samples)  // then zeros
        }
        fft.transform(power: recipe.spectrum == .power, kernels: kernels, into: &magnitudes)  // (bins)
        kernels.banded(filters, magnitudes, into: &bands)  // (bands)
        kernels.log(&bands, floor: Float(recipe.logFloor), offset: Float(recipe.logOffset), scale: logScale)
    }

    /// Applies scale, mean, pre-emphasis and window, in this order, to the samples under the window.
    private mutating func prepare() {
        let range = recipe.windowStart..<recipe.windowStart + recipe.windowLength
        var sum = 0.0
        for index in range { sum += Double(history[start + index]) }
        let mean = recipe.removeDC ? sum / Double(range.count) : 0
        let scale = recipe.sampleScale
        var previous = (Double(history[start + range.lowerBound]) - mean) * scale
        for index in range {
            let value = (Double(history[start + index]) - mean) * scale
            fft.samples[index] = Float((value - recipe.preemphasis * previous) * Double(window[index]))
            previous = value
        }
    }

    /// Number of samples from the start of the next frame to the newest sample; negative where a hop is longer than a
    /// frame.
    package var pendingSamples: Int { filled - start }

    /// Bytes of the largest state that ``snapshot(to:)`` writes.
    package var largestSnapshot: Int { 3 * MemoryLayout<Int64>.size + MemoryLayout<Float>.size * history.count }

    /// Appends the state, from which ``restore(from:)`` continues in another process.
    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(frames)
        writer.write(start)
        writer.write(filled)
        writer.write(history, 0..<filled)
    }

    /// Restores the state of an extractor with the same recipe.
    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        // Beyond any real stream, and small enough that the position of a frame cannot overflow.
        frames = Int64(try reader.readInt(in: 0...1 << 46))
        // A hop that is longer than a frame leads beyond the end of `history`.
        start = try reader.readInt(in: 0...history.count + recipe.hop)
        filled = try reader.readInt(in: 0...history.count)
        guard filled - start < recipe.frameSpan else { throw SnapshotReader.Truncated() }
        try reader.read(into: &history, count: filled)
    }
}

extension LogMelRecipe {
    /// Number of samples of a frame before its window.
    var windowStart: Int { (frameSpan - windowLength) / 2 }

    /// Whether samples are changed before the window is applied.
    fileprivate var needsPreparation: Bool { removeDC || preemphasis != 0 || sampleScale != 1 }
}
