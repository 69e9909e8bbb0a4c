internal import Glibc
internal import Kernels

/// The constant tables of a front-end. Its extractors share them, since making them costs as much as tens of frames.
package final class LogMelTables: Sendable {
    package let recipe: LogMelRecipe
    let window: ConstantVector  // (frameSpan)
    let filters: BandedMatrix  // (bins) -> (bands)
    let rotations: RealFFT.Rotations
    let logScale: Float

    /// - Throws: ``AudioError`` where the recipe is impossible.
    package init(_ recipe: LogMelRecipe) throws(AudioError) {
        try recipe.validate()
        var samples = [Float](repeating: 0, count: recipe.frameSpan)
        for (index, value) in recipe.windowSamples().enumerated() {
            samples[recipe.windowStart + index] = Float(value)
        }
        let bins = recipe.fftLength / 2 + 1
        self.recipe = recipe
        window = ConstantVector(samples)
        filters = BandedMatrix(rows: MelFilterBank(recipe).rows.map { $0.map(Float.init) }, inputs: bins)
        rotations = RealFFT.Rotations(length: recipe.fftLength)
        logScale =
            switch recipe.log {
            case .ln: 1
            case .log10: Float(1 / Glibc.log(10.0))
            case .decibel: Float(10 / Glibc.log(10.0))
            }
    }
}
