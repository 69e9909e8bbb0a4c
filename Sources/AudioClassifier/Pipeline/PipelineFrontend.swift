package import AudioFrontend
internal import Glibc
internal import Kernels
package import StrictCoding

/// The part of a pipeline before its encoder.
///
/// It makes log-mel frames, and measures position and level of their samples.
package struct PipelineFrontend: ~Copyable {
    private var extractor: LogMelExtractor
    // Invariant: positions stay far below 2^63. Lost samples stop at 2^48, received ones arrive one by one, and restore
    // refuses larger ones; frames x hop is at most 2^62 then.
    /// Number of samples received.
    private var received: Int64 = 0
    /// Number of samples that the input has lost; they count as time.
    private var lost: Int64 = 0
    private var energy = 0.0
    private var measured = 0

    package init(_ tables: LogMelTables) throws(AudioError) { extractor = try LogMelExtractor(tables) }

    /// Position in the input of the end of the newest sample.
    package var position: Int64 { received + lost }

    /// Number of frames made.
    package var frames: Int64 { extractor.frames }

    /// The largest number of lost samples: 550 years at 16 kHz. No position or time overflows below it.
    package static let largestPosition: Int64 = 1 << 48

    /// Notes that samples of the input are lost: the next ones follow those before them, at their own times. The
    /// position stops at ``largestPosition``.
    package mutating func skip(_ samples: Int64) {
        lost = min(Self.largestPosition, lost.addingSaturated(max(0, samples)))
    }

    /// Receives samples from `start` on, up to the end of the next frame, so that a prediction's level and position do
    /// not depend on how the samples are cut.
    /// - Parameter frame: called with the frame that they complete.
    /// - Returns: the number of samples received.
    /// - Throws: ``ClassifierError`` with the code `non_finite_sample`, before any of the samples is received, or with
    ///   the error of `frame`.
    package mutating func push(
        _ samples: Span<Float>, from start: Int, frame: (Span<Float>) throws(ClassifierError) -> Void
    ) throws(ClassifierError) -> Int {
        let recipe = extractor.recipe
        let frameEnd = extractor.frames * Int64(recipe.hop) + Int64(recipe.frameSpan - recipe.leadingZeros)
        let count = min(samples.count - start, Int(max(1, frameEnd - received)))
        let piece = samples.extracting(start..<start + count)
        var total = energy
        for index in piece.indices { total += Double(piece[index]) * Double(piece[index]) }
        // The squares of all finite samples are finite in double precision.
        guard total.isFinite else { throw refusal(of: piece) }
        energy = total
        measured += count
        received += Int64(count)
        try extractor.push(piece, frame: frame)
        return count
    }

    private func refusal(of samples: Span<Float>) -> ClassifierError {
        let index = samples.indices.first { !samples[$0].isFinite } ?? 0
        return ClassifierError(
            .data, code: "non_finite_sample",
            "sample \(position + Int64(index)) is \(samples[index]), not a finite number; samples are from -1 to 1")
    }

    /// Receives zeros behind the end of the input, until a frame is complete.
    /// - Parameter remaining: number of zeros that are left; 0 when all are used.
    package mutating func pushEnd(
        _ remaining: inout Int, frame: (Span<Float>) throws(ClassifierError) -> Void
    ) throws(ClassifierError) {
        let zero: [Float] = [0]
        let before = extractor.frames
        while remaining > 0, extractor.frames == before {
            remaining -= 1
            try extractor.push(zero.span, frame: frame)
        }
    }

    /// Number of zeros that follow the end of the input.
    package var endZeros: Int { extractor.recipe.center ? extractor.recipe.leadingZeros : 0 }

    /// Sets index, position and level of a prediction, and begins to measure those of the next one.
    package mutating func describe(_ prediction: inout Prediction, tokens: Int64, warmUpTokens: Int) {
        prediction.index = tokens - 1
        prediction.sample = position
        prediction.time = Double(position) / Double(extractor.recipe.sampleRate)
        prediction.isWarm = tokens >= Int64(warmUpTokens)
        prediction.level = max(-120, 10 * log10(max(energy / Double(max(measured, 1)), 1e-12)))
        energy = 0
        measured = 0
    }

    /// Begins a new stream.
    package mutating func reset() {
        extractor.reset()
        (received, lost, energy, measured) = (0, 0, 0, 0)
    }

    /// Bytes of the largest state that ``snapshot(to:)`` writes.
    package var largestSnapshot: Int { 4 * MemoryLayout<Int64>.size + extractor.largestSnapshot }

    package func snapshot(to writer: inout SnapshotWriter) {
        writer.write(received)
        writer.write(lost)
        writer.write(energy)
        writer.write(measured)
        extractor.snapshot(to: &writer)
    }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        let positions = 0...Int(Self.largestPosition)
        received = Int64(try reader.readInt(in: positions))
        lost = Int64(try reader.readInt(in: positions))
        energy = try reader.readDouble(in: 0...Double.greatestFiniteMagnitude)
        measured = try reader.readInt(in: 0...Int(received))
        let loudest = Double(Float.greatestFiniteMagnitude)
        guard energy <= Double(measured) * loudest * loudest else { throw SnapshotReader.Truncated() }
        try extractor.restore(from: &reader)
        // The samples received so far, less those before the next frame, are those that the extractor keeps.
        let recipe = extractor.recipe
        let kept = Int64(recipe.leadingZeros) + received - extractor.frames * Int64(recipe.hop)
        guard Int64(extractor.pendingSamples) == kept else { throw SnapshotReader.Truncated() }
    }
}
