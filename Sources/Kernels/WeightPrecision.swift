/// The precision in which a loaded model keeps its matrices, whatever its file holds. Fewer bits are faster to read and
/// less accurate (docs/performance.md).
public enum WeightPrecision: String, Sendable, CaseIterable {
    /// Full precision. A matrix is stored as float16 if every weight is exactly a float16: same results, fewer bytes.
    case float32 = "f32"
    /// Half precision: 11 significant bits a weight.
    case float16 = "f16"
    /// 8-bit integers with a scale for each output: a 127th of its largest weight.
    case int8
}
