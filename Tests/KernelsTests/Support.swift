internal import Kernels
internal import Testing

extension Kernels: CustomTestStringConvertible {
    package var testDescription: String { name }
}

/// Sizes around one vector, two vectors, a panel, and several panels.
let sizes = [1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 192]

/// The smallest step of a float near one.
let ulp = Double(Float.ulpOfOne)

func floats(_ buffer: borrowing AlignedBuffer, _ range: Range<Int>? = nil) -> [Float] {
    (range ?? 0..<buffer.count).map { buffer[$0] }
}
