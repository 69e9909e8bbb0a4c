package import AudioFrontend
internal import Glibc
internal import Kernels
package import StrictCoding

/// Samples to log-mel frames, with what a prediction says about them: where they end, and how loud they were. The part
/// of a pipeline before its encoder.
package struct PipelineFrontend: ~Copyable {
    private var extractor: LogMelExtractor
    /// Samples taken in.
    private var heard: Int64 = 0
    /// Samples that the input has lost, and that count as time.
    private var lost: Int64 = 0
    private var energy = 0.0
    private var measured = 0

    package init(_ recipe: LogMelRecipe) throws(AudioError) { extractor = try LogMelExtractor(recipe) }

    /// The position in the input of the newest sample.
    package var position: Int64 { heard + lost }

    /// Frames made so far.
    package var frames: Int64 { extractor.frames }

    /// So many samples of the input are lost: the next ones follow what came before them, at their own times.
    package mutating func skip(_ samples: Int64) { lost += samples }

    /// Takes in samples from `start` on, up to the end of the next frame, so that a prediction's level and position do
    /// not depend on how the samples are cut.
    /// - Parameter frame: called with the frame that they complete, if they do.
    /// - Returns: how many samples were taken.
    package mutating func push<E: Error>(
        _ samples: Span<Float>, from start: Int, frame: (Span<Float>) throws(E) -> Void
    ) throws(E) -> Int {
        let recipe = extractor.recipe
        let frameEnd = extractor.frames * Int64(recipe.hop) + Int64(recipe.frameSpan - recipe.leadingZeros)
        let count = min(samples.count - start, Int(max(1, frameEnd - heard)))
        let piece = samples.extracting(start..<start + count)
        for index in piece.indices { energy += Double(piece[index]) * Double(piece[index]) }
        measured += count
        heard += Int64(count)
        try extractor.push(piece, frame: frame)
        return count
    }

    /// Zeros behind the end of the input, until a frame is complete.
    /// - Parameter remaining: zeros that are left; 0 when all are used.
    package mutating func pushEnd<E: Error>(
        _ remaining: inout Int, frame: (Span<Float>) throws(E) -> Void
    ) throws(E) {
        let zero: [Float] = [0]
        let before = extractor.frames
        while remaining > 0, extractor.frames == before {
            remaining -= 1
            try extractor.push(zero.span, frame: frame)
        }
    }

    /// Zeros that reach behind the end of the input.
    package var endZeros: Int { extractor.recipe.center ? extractor.recipe.leadingZeros : 0 }

    /// Fills in what a prediction says about its samples, and begins to measure the next one's.
    package mutating func describe(_ prediction: inout Prediction, tokens: Int64, warmUpTokens: Int) {
        prediction.frame = tokens - 1
        prediction.sample = position
        prediction.time = Double(position) / Double(extractor.recipe.sampleRate)
        prediction.isWarm = tokens >= Int64(warmUpTokens)
        prediction.level = max(-120, 10 * log10(max(energy / Double(max(measured, 1)), 1e-12)))
        energy = 0
        measured = 0
    }

    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(heard)
        writer.write(lost)
        writer.write(Int64(bitPattern: energy.bitPattern))
        writer.write(measured)
        extractor.snapshot(to: &writer)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        // No stream gets as far, and up to there neither positions nor times can overflow.
        heard = Int64(try reader.readInt(in: 0...1 << 48))
        lost = Int64(try reader.readInt(in: 0...1 << 48))
        energy = Double(bitPattern: UInt64(bitPattern: try reader.readInt64()))
        measured = try reader.readInt(in: 0...1 << 48)
        guard energy.isFinite && energy >= 0 else { throw SnapshotReader.Truncated() }
        try extractor.restore(from: &reader)
    }
}
