internal import Glibc

extension LogMelRecipe {
    /// The window's samples, in float64.
    ///
    /// Periodic windows divide by the length N, symmetric ones by N - 1. `povey` is Kaldi's: a symmetric Hann window to
    /// the power of 0.85. `blackman` is periodic, with the coefficients 0.42, 0.5, 0.08.
    func windowSamples() -> [Double] {
        let length = Double(windowLength)
        return (0..<windowLength).map { index in
            let periodic = 2 * Double.pi * Double(index) / length
            let symmetric = windowLength == 1 ? Double.pi : 2 * Double.pi * Double(index) / (length - 1)
            return switch window {
            case .hann: 0.5 - 0.5 * cos(periodic)
            case .hannSymmetric: 0.5 - 0.5 * cos(symmetric)
            case .hamming: 0.54 - 0.46 * cos(periodic)
            case .hammingSymmetric: 0.54 - 0.46 * cos(symmetric)
            case .povey: pow(0.5 - 0.5 * cos(symmetric), 0.85)
            case .blackman: 0.42 - 0.5 * cos(periodic) + 0.08 * cos(2 * periodic)
            case .rectangular: 1
            }
        }
    }
}
