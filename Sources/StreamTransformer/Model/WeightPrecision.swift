internal import Kernels

/// How a loaded model's matrices are kept, whatever its file holds: fewer bytes are faster to read and lose accuracy (docs/performance.md).
public enum WeightPrecision: String, Sendable, CaseIterable {
    /// Exactly. Matrices whose weights half precision holds take no more than that.
    case float32 = "f32"
    case float16 = "f16"
    /// 8-bit integers, in units that every output has for itself.
    case int8

    var format: PackedMatrix.Format {
        switch self {
        case .float32: .single
        case .float16: .half
        case .int8: .integer
        }
    }
}
