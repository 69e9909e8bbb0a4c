import AudioFrontend
import Foundation
import TestSupport
import Testing

/// Log-mel frames against those of other programs, and against the recipe's definition in float64.
struct ReferenceVectorTests {
    /// `<name>.json`: a recipe, the signal, the origin of the reference, and its largest difference from the
    /// definition.
    struct Case: Decodable {
        let frontend: LogMelRecipe
        let signal: String
        let reference: String
        let tolerance: Double
    }

    static let names = [
        "kaldi", "librosa", "librosa-16k", "librosa-center", "librosa-log10", "mixed", "torchaudio-kaldi",
        "torchaudio-melspectrogram", "vggish", "window-blackman", "window-hamming", "window-hamming-symmetric",
        "window-hann-symmetric", "window-rectangular", "yamnet",
    ]

    @Test(arguments: names)
    func definition(_ name: String) throws {
        let (observed, example) = try frames(name)
        let expected = try NumpyFloats(path: Self.path("\(name).definition.npy"))
        try compare(observed, with: expected, example, tolerance: Self.tolerance(name) ?? 1e-5, "\(name), definition")
    }

    @Test(arguments: names.filter { $0 != "mixed" })
    func otherProgram(_ name: String) throws {
        let (observed, example) = try frames(name)
        let expected = try NumpyFloats(path: Self.path("\(name).npy"))
        let tolerance = max(example.tolerance, Self.tolerance(name) ?? 0)
        try compare(observed, with: expected, example, tolerance: tolerance, "\(name), \(example.reference)")
    }

    /// Every case is in the list above, so that a new one cannot be forgotten.
    @Test func everyCaseIsCovered() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.path(""))
        let found = files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
        #expect(found.sorted() == Self.names)
    }

    /// Tolerances for a float32 FFT in the cases for which 1e-5 is too small. Its rounding is relative to the loudest
    /// bin of a frame, so the differences are in quiet bands beside loud ones; with a float64 FFT they are below 1e-6.
    private static func tolerance(_ name: String) -> Double? {
        switch name {
        // Power bands down to 1e-7 of the loudest, after a pre-emphasis that attenuates the low ones.
        case "kaldi", "torchaudio-kaldi": 2e-4
        // 1.05e-5 and 1.001e-5, in quiet bands of a voice.
        case "yamnet", "vggish": 2e-5
        default: nil
        }
    }

    private func frames(_ name: String) throws -> ([Float], Case) {
        let data = try Data(contentsOf: URL(filePath: Self.path("\(name).json")))
        let example = try JSONDecoder().decode(Case.self, from: data)
        let signal = try NumpyFloats(path: Self.path(example.signal))
        return (try AudioFrontendTests.frames(of: signal.values, example.frontend), example)
    }

    /// Tolerances are in units of the natural logarithm.
    private func compare(
        _ observed: [Float], with expected: NumpyFloats, _ example: Case, tolerance: Double, _ place: String
    ) throws {
        #expect(expected.columns == example.frontend.bands)
        let unit =
            switch example.frontend.log {
            case .ln: 1.0
            case .log10: 1 / log(10.0)
            case .decibel: 10 / log(10.0)
            }
        let worst = try TestSupport.compare(
            observed, with: expected.values.map(Double.init), absolute: tolerance * unit, place)
        if ProcessInfo.processInfo.environment["SHOW_DIFFERENCES"] != nil { print("\(place): \(worst / unit)") }
    }

    private static func path(_ name: String) -> String {
        Bundle.module.bundleURL.appending(path: "Resources/\(name)").path
    }
}
