internal import CKernels
internal import Glibc

/// The dense kernels of one instruction set, over buffers whose sizes are checked here.
///
/// `Kernels.best` is chosen once; the environment variable `AUDIO_CLASSIFIERD_KERNELS` (`generic`, `avx2`, `avx512`)
/// chooses another for the whole process. This file alone calls C.
@safe
package struct Kernels: @unchecked Sendable {
    // A constant of the C target.
    private let table: UnsafePointer<kernels_table>

    /// The kernels called `name`, or nil where there are none or this machine cannot run them.
    package init?(named name: String) {
        guard let table = unsafe kernels_select(name) else { return nil }
        unsafe self.table = table
    }

    package static let best: Kernels = {
        if let wanted = unsafe getenv("AUDIO_CLASSIFIERD_KERNELS"),
            let kernels = unsafe Kernels(named: String(cString: wanted))
        {
            return kernels
        }
        return available[available.count - 1]
    }()

    /// Every instruction set that this machine runs, the plainest first.
    package static let available = ["generic", "avx2", "avx512"].compactMap { Kernels(named: $0) }

    package var name: String { unsafe String(cString: table.pointee.name) }

    /// Floats in a vector: buffers that kernels fill are rounded up to a multiple of it.
    package static let lanes = Int(KERNELS_LANES)

    /// `count` rounded up to whole vectors.
    package static func padded(_ count: Int) -> Int { (count + lanes - 1) / lanes * lanes }

    /// y[r] = W x[r] + b for `rows` vectors; with `accumulate`, added to y. The vectors begin at the given positions of their
    /// buffers and lie `inputStride` and `outputStride` floats apart.
    package func affine(
        _ matrix: PackedMatrix, _ x: borrowing AlignedBuffer, from start: Int = 0, into y: inout AlignedBuffer,
        at target: Int = 0, accumulate: Bool = false, rows: Int = 1, inputStride: Int = 0, outputStride: Int = 0
    ) {
        x.requires(start, (rows - 1) * inputStride + matrix.inputs)
        y.requires(target, (rows - 1) * outputStride + matrix.outputs)
        unsafe table.pointee.affine(
            matrix.weights.address, matrix.hasBias ? matrix.bias.address : nil, matrix.inputs, matrix.outputs,
            x.address + start, inputStride, y.address + target, outputStride, rows, accumulate ? 1 : 0)
    }

    /// y = W x; y has `paddedOutputs` floats.
    package func banded(_ matrix: BandedMatrix, _ x: borrowing AlignedBuffer, into y: inout AlignedBuffer) {
        x.requires(0, matrix.inputs)
        y.requires(0, matrix.paddedOutputs)
        unsafe table.pointee.banded(
            matrix.weights.address, matrix.starts, matrix.counts, matrix.starts.count, x.address, y.address)
    }

    /// y = (x - mean) / sqrt(variance + epsilon) * weight + bias
    package func layerNorm(
        _ x: borrowing AlignedBuffer, weight: ConstantVector, bias: ConstantVector, epsilon: Float,
        into y: inout AlignedBuffer
    ) {
        x.requires(0, weight.count)
        y.requires(0, weight.count)
        precondition(bias.count == weight.count, "a layer norm has a weight and a bias an element")
        unsafe table.pointee.layer_norm(
            x.address, weight.values.address, bias.values.address, epsilon, y.address, weight.count)
    }

    /// y = (x - offset) * scale
    package func standardize(
        _ x: borrowing AlignedBuffer, offset: ConstantVector, scale: ConstantVector, into y: inout AlignedBuffer,
        at target: Int = 0
    ) {
        x.requires(0, offset.count)
        y.requires(target, offset.count)
        precondition(offset.count == scale.count, "an offset and a scale an element")
        unsafe table.pointee.standardize(
            x.address, offset.values.address, scale.values.address, y.address + target, offset.count)
    }

    /// y = x * factor
    package func multiply(
        _ x: borrowing AlignedBuffer, from start: Int = 0, by factor: ConstantVector, into y: inout AlignedBuffer
    ) {
        x.requires(start, factor.count)
        y.requires(0, factor.count)
        unsafe table.pointee.multiply(x.address + start, factor.values.address, y.address, factor.count)
    }

    /// y += x
    package func add(_ x: ConstantVector, from start: Int = 0, count: Int, to y: inout AlignedBuffer) {
        x.values.requires(start, count)
        y.requires(0, count)
        unsafe table.pointee.add(x.values.address + start, y.address, count)
    }

    /// y += x, of two working buffers.
    package func add(_ x: borrowing AlignedBuffer, count: Int, to y: inout AlignedBuffer) {
        x.requires(0, count)
        y.requires(0, count)
        unsafe table.pointee.add(x.address, y.address, count)
    }

    package func relu(_ x: inout AlignedBuffer, at start: Int = 0, count: Int) {
        x.requires(start, count)
        unsafe table.pointee.relu(x.address + start, count)
    }

    /// The exact GELU, with erf.
    package func gelu(_ x: inout AlignedBuffer, count: Int) {
        x.requires(0, count)
        unsafe table.pointee.gelu(x.address, count)
    }

    /// x = scale * ln(max(x, floor) + offset)
    package func log(_ x: inout AlignedBuffer, floor: Float, offset: Float, scale: Float) {
        unsafe table.pointee.log(x.address, floor, offset, scale, x.count)
    }

    /// The magnitude, or its square with `power`, of `count` complex numbers (re, im, re, im, ...).
    package func magnitude(
        _ spectrum: borrowing AlignedBuffer, count: Int, power: Bool, into y: inout AlignedBuffer
    ) {
        spectrum.requires(0, 2 * count)
        y.requires(0, count)
        unsafe table.pointee.magnitude(spectrum.address, y.address, count, power ? 1 : 0)
    }

    /// Softmax attention of one query over the first `filled` slots of a ring, for every head.
    /// - Parameters:
    ///   - keys: heads x width x capacity.
    ///   - values: heads x capacity x width.
    ///   - scores: scratch, the capacity rounded up to whole vectors.
    package func ringAttend(
        _ query: borrowing AlignedBuffer, keys: borrowing AlignedBuffer, values: borrowing AlignedBuffer, at start: Int,
        heads: Int, width: Int, capacity: Int, filled: Int, scores: inout AlignedBuffer,
        into output: inout AlignedBuffer
    ) {
        precondition(filled <= capacity, "a ring holds at most its capacity")
        query.requires(0, heads * width)
        keys.requires(start, heads * width * capacity)
        values.requires(start, heads * width * capacity)
        scores.requires(0, Self.padded(capacity))
        output.requires(0, heads * width)
        unsafe table.pointee.ring_attend(
            query.address, keys.address + start, values.address + start, scores.address, output.address, heads, width,
            capacity,
            filled)
    }

    /// In `sums`, the aggregate at `target` becomes the one at `source` and a token; both positions may be the same.
    package func insert(
        _ shape: SumsShape, logits: borrowing AlignedBuffer, at logitStart: Int, values: borrowing AlignedBuffer,
        at valueStart: Int, in sums: inout AlignedBuffer, from source: Int, to target: Int, scratch: inout AlignedBuffer
    ) {
        logits.requires(logitStart, shape.rows)
        values.requires(valueStart, shape.values)
        sums.requires(source, shape.count)
        sums.requires(target, shape.count)
        scratch.requires(0, shape.scratch)
        unsafe table.pointee.sums_insert(
            shape.c, sums.address + source, logits.address + logitStart, values.address + valueStart,
            sums.address + target, scratch.address)
    }

    /// The aggregate at `target` takes in the one of `other` at `source`.
    package func combine(
        _ shape: SumsShape, _ other: borrowing AlignedBuffer, at source: Int, into sums: inout AlignedBuffer,
        at target: Int, scratch: inout AlignedBuffer
    ) {
        other.requires(source, shape.count)
        sums.requires(target, shape.count)
        scratch.requires(0, shape.scratch)
        unsafe table.pointee.sums_combine(
            shape.c, other.address + source, sums.address + target, scratch.address)
    }

    /// output = softmax(beta) inverse Delta, Delta being three aggregates combined: `oldest` at `position`, and the
    /// two of `others` from `second` on.
    package func attend(
        _ shape: SumsShape, oldest: borrowing AlignedBuffer, at position: Int, others: borrowing AlignedBuffer,
        at second: Int, beta: borrowing AlignedBuffer, inverse: ConstantVector, scratch: inout AlignedBuffer,
        into output: inout AlignedBuffer
    ) {
        oldest.requires(position, shape.count)
        others.requires(second, 2 * shape.count)
        beta.requires(0, shape.rows)
        inverse.values.requires(0, shape.rows * shape.landmarks)
        scratch.requires(0, shape.scratch)
        output.requires(0, shape.values)
        unsafe table.pointee.sums_attend(
            shape.c, oldest.address + position, others.address + second, others.address + second + shape.count,
            beta.address,
            inverse.values.address, scratch.address, output.address)
    }

    static func pack(_ rows: [Float], inputs: Int, outputs: Int) -> AlignedBuffer {
        let packed = AlignedBuffer(count: kernels_packed_count(inputs, outputs))
        unsafe kernels_pack(rows, inputs, outputs, packed.address)
        return packed
    }
}

extension SumsShape {
    fileprivate var c: kernels_sums_shape { kernels_sums_shape(heads: heads, landmarks: landmarks, width: width) }
}
