internal import Glibc
internal import Kernels

/// Triangular filters over the bins of a spectrum, computed in float64.
struct MelFilterBank {
    /// `bands` rows with a weight for each of the `fftLength / 2 + 1` bins.
    let rows: [[Double]]

    init(_ recipe: LogMelRecipe) {
        let scale = recipe.melScale
        let bins = recipe.fftLength / 2 + 1
        let binWidth = Double(recipe.sampleRate) / Double(recipe.fftLength)
        let low = scale.mel(recipe.lowHz)
        let high = scale.mel(recipe.highHz)
        let step = (high - low) / Double(recipe.bands + 1)
        let edges = (0..<recipe.bands + 2).map { low + step * Double($0) }
        let axis: [Double]
        let corners: [Double]
        switch recipe.melShape {
        case .mel:
            corners = edges
            axis = (0..<bins).map { scale.mel(Double($0) * binWidth) }
        case .hertz:
            corners = edges.map(scale.hertz)
            axis = (0..<bins).map { Double($0) * binWidth }
        }
        rows = (0..<recipe.bands).map { band in
            let (left, centre, right) = (corners[band], corners[band + 1], corners[band + 2])
            let area: Double
            switch recipe.melNorm {
            case .none: area = 1
            case .slaney: area = 2 / (scale.hertz(edges[band + 2]) - scale.hertz(edges[band]))
            }
            return (0..<bins).map { bin in
                // The DC bin carries no sound; a bank over mels also leaves the Nyquist bin out, as TensorFlow and
                // Kaldi do.
                if bin == 0 || (recipe.melShape == .mel && bin == bins - 1) { return 0 }
                let rising = (axis[bin] - left) / (centre - left)
                let falling = (right - axis[bin]) / (right - centre)
                return max(0, min(rising, falling)) * area
            }
        }
    }
}

extension LogMelRecipe.MelScale {
    /// Slaney's scale (Auditory Toolbox): 200/3 Hz a mel up to 1 kHz, then 27 mels for each factor of 6.4.
    private static let slaneyBreak = 1000.0
    private static let slaneyStep = 200.0 / 3
    private static var slaneyLog: Double { Glibc.log(6.4) / 27 }

    func mel(_ hertz: Double) -> Double {
        switch self {
        case .htk: return 2595 * log10(1 + hertz / 700)
        case .slaney:
            if hertz < Self.slaneyBreak { return hertz / Self.slaneyStep }
            return Self.slaneyBreak / Self.slaneyStep + Glibc.log(hertz / Self.slaneyBreak) / Self.slaneyLog
        }
    }

    func hertz(_ mel: Double) -> Double {
        switch self {
        case .htk: return 700 * (pow(10, mel / 2595) - 1)
        case .slaney:
            let breakMel = Self.slaneyBreak / Self.slaneyStep
            if mel < breakMel { return mel * Self.slaneyStep }
            return Self.slaneyBreak * exp((mel - breakMel) * Self.slaneyLog)
        }
    }
}
