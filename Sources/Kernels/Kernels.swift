internal import CKernels
internal import Glibc

/// The dense kernels of one instruction set, over buffers whose sizes are checked here.
///
/// ``best`` is chosen once. The environment variable `AUDIO_CLASSIFIERD_KERNELS` (`generic`, `avx2`, `avx512`) chooses
/// another set for the whole process. This folder alone calls the kernels' C.
@safe
package struct Kernels: @unchecked Sendable {
    // A constant of the C target.
    let table: UnsafePointer<kernels_table>

    /// Returns the kernels called `name`, or nil if there are none of that name or this machine cannot run them.
    package init?(named name: String) {
        guard let table = unsafe kernels_select(name) else { return nil }
        unsafe self.table = table
    }

    private init(counting: Void) { unsafe table = kernels_counting() }

    /// The generic kernels, counting their multiply-adds.
    package static let counting = Kernels(counting: ())

    /// Multiply-adds of ``counting`` on this thread so far.
    package static var multiplyAdds: Int { kernels_multiply_adds() }

    /// The requested kernels, or else the fastest ones of this machine.
    package static let best = requested.flatMap { Kernels(named: $0) } ?? available[available.count - 1]

    /// The name in the environment, if there is one. This machine may lack these kernels.
    package static let requested = unsafe getenv("AUDIO_CLASSIFIERD_KERNELS").map { unsafe String(cString: $0) }

    /// The kernels that this machine can run, from the most general to the fastest.
    package static let available = ["generic", "avx2", "avx512"].compactMap { Kernels(named: $0) }

    package var name: String { unsafe String(cString: table.pointee.name) }

    /// Floats in a vector. Buffers that kernels fill are rounded up to a multiple of it.
    package static let lanes = Int(KERNELS_LANES)

    /// Returns `count` rounded up to whole vectors.
    package static func padded(_ count: Int) -> Int { (count + lanes - 1) / lanes * lanes }

    /// Computes y[r] = W x[r] + b for `rows` vectors, or adds that to y[r] with `accumulate`. The vectors begin at
    /// `start` and `target` of their buffers and lie `inputStride` and `outputStride` floats apart, by default without
    /// gaps.
    package func affine(
        _ matrix: PackedMatrix, _ x: borrowing AlignedBuffer, from start: Int = 0, into y: inout AlignedBuffer,
        at target: Int = 0, accumulate: Bool = false, rows: Int = 1, inputStride: Int? = nil,
        outputStride: Int? = nil
    ) {
        let (inputStride, outputStride) = (inputStride ?? matrix.inputs, outputStride ?? matrix.outputs)
        x.requires(start, (rows - 1) * inputStride + matrix.inputs)
        y.requires(target, (rows - 1) * outputStride + matrix.outputs)
        let bias = unsafe matrix.hasBias ? matrix.bias.address : nil
        let (from, to) = unsafe (x.address + start, y.address + target)
        let (inputs, outputs, adds) = (matrix.inputs, matrix.outputs, CInt(accumulate ? 1 : 0))
        switch matrix.storage {
        case .float32:
            unsafe table.pointee.affine(
                matrix.weights.address, bias, inputs, outputs, from, inputStride, to, outputStride, rows, adds)
        case .float16:
            unsafe table.pointee.affine_half(
                matrix.weights.raw.assumingMemoryBound(to: UInt16.self), bias, inputs, outputs, from, inputStride, to,
                outputStride, rows, adds)
        case .int8:
            unsafe table.pointee.affine_integer(
                matrix.weights.raw.assumingMemoryBound(to: Int8.self), matrix.scales.address, bias, inputs, outputs,
                from, inputStride, to, outputStride, rows, adds)
        }
    }

    /// Computes y = W x; y has `paddedOutputs` floats.
    package func banded(_ matrix: BandedMatrix, _ x: borrowing AlignedBuffer, into y: inout AlignedBuffer) {
        x.requires(0, matrix.inputs)
        y.requires(0, matrix.paddedOutputs)
        unsafe table.pointee.banded(
            matrix.weights.address, matrix.starts, matrix.counts, matrix.starts.count, x.address, y.address)
    }

    /// Computes y[f] = max(0, the filter over three columns from band `bandStride` f on) for `bands` output bands f.
    /// The columns and y are (bands, channels); the columns begin at `oldest`, `middle` and `newest` of their buffer.
    package func depthwise(
        _ filter: DepthwiseFilter, _ columns: borrowing AlignedBuffer, oldest: Int, middle: Int, newest: Int,
        bandStride: Int, bands: Int, into y: inout AlignedBuffer, at target: Int = 0
    ) {
        let channels = filter.bias.count
        for start in [oldest, middle, newest] { columns.requires(start, (bandStride * (bands - 1) + 3) * channels) }
        y.requires(target, bands * channels)
        unsafe table.pointee.depthwise(
            columns.address + oldest, columns.address + middle, columns.address + newest,
            filter.weights.values.address, filter.bias.values.address, y.address + target, channels, bandStride, bands)
    }

    /// Computes y[r] = (x[r] - mean) / sqrt(variance + epsilon) * weight + bias for `rows` vectors without gaps.
    package func layerNorm(
        _ x: borrowing AlignedBuffer, weight: ConstantVector, bias: ConstantVector, epsilon: Float,
        into y: inout AlignedBuffer, rows: Int = 1
    ) {
        let count = weight.count
        x.requires(0, rows * count)
        y.requires(0, rows * count)
        precondition(bias.count == count, "a layer norm has a weight and a bias for each element")
        for start in stride(from: 0, to: rows * count, by: count) {
            unsafe table.pointee.layer_norm(
                x.address + start, weight.values.address, bias.values.address, epsilon, y.address + start, count)
        }
    }

    /// Computes y = (x - offset) * scale.
    package func standardize(
        _ x: borrowing AlignedBuffer, from start: Int = 0, offset: ConstantVector, scale: ConstantVector,
        into y: inout AlignedBuffer, at target: Int = 0
    ) {
        x.requires(start, offset.count)
        y.requires(target, offset.count)
        precondition(offset.count == scale.count, "each element has an offset and a scale")
        unsafe table.pointee.standardize(
            x.address + start, offset.values.address, scale.values.address, y.address + target, offset.count)
    }

    /// Computes y = x * factor.
    package func multiply(
        _ x: borrowing AlignedBuffer, from start: Int = 0, by factor: ConstantVector, into y: inout AlignedBuffer
    ) {
        x.requires(start, factor.count)
        y.requires(0, factor.count)
        unsafe table.pointee.multiply(x.address + start, factor.values.address, y.address, factor.count)
    }

    /// Computes y += x for `count` floats of a constant.
    package func add(
        _ x: ConstantVector, from start: Int = 0, count: Int, to y: inout AlignedBuffer, at target: Int = 0
    ) {
        x.values.requires(start, count)
        y.requires(target, count)
        unsafe table.pointee.add(x.values.address + start, y.address + target, count)
    }

    /// Updates the mean y of `index` vectors with x, vector number `index`: y = y + (x - y) / (index + 1). The mean of
    /// equal vectors is exactly that vector.
    package func updateMean(
        _ x: borrowing AlignedBuffer, from start: Int, index: Int, _ y: inout AlignedBuffer, at target: Int, count: Int
    ) {
        guard index > 0 else { return y.copy(x, from: start, count: count, to: target) }
        x.requires(start, count)
        y.requires(target, count)
        unsafe table.pointee.lerp(x.address + start, 1 / Float(index + 1), y.address + target, count)
    }

    /// Computes y += x for the first `count` floats.
    package func add(_ x: borrowing AlignedBuffer, count: Int, to y: inout AlignedBuffer) {
        x.requires(0, count)
        y.requires(0, count)
        unsafe table.pointee.add(x.address, y.address, count)
    }

    /// Computes x = max(0, x) for `count` floats from `start` on.
    package func relu(_ x: inout AlignedBuffer, at start: Int = 0, count: Int) {
        x.requires(start, count)
        unsafe table.pointee.relu(x.address + start, count)
    }

    /// Computes the exact GELU of the first `count` floats, x/2 (1 + erf(x / sqrt 2)).
    package func gelu(_ x: inout AlignedBuffer, count: Int) {
        x.requires(0, count)
        unsafe table.pointee.gelu(x.address, count)
    }

    /// Computes x = scale * ln(max(x, floor) + offset).
    package func log(_ x: inout AlignedBuffer, floor: Float, offset: Float, scale: Float) {
        unsafe table.pointee.log(x.address, floor, offset, scale, x.count)
    }

    /// Computes the magnitudes of the spectrum of N real samples, or their squares with `power`.
    /// - Parameters:
    ///   - half: the transform of the samples taken in pairs as complex numbers, and then its first number again.
    ///   - cosines: of 2 pi k / N for the N / 2 + 1 bins k; `sines` likewise.
    package func magnitude(
        _ half: borrowing AlignedBuffer, cosines: ConstantVector, sines: ConstantVector, power: Bool,
        into y: inout AlignedBuffer
    ) {
        let bins = cosines.count
        half.requires(0, 2 * bins)
        y.requires(0, bins)
        precondition(sines.count == bins, "each bin has a cosine and a sine")
        unsafe table.pointee.magnitude(
            half.address, cosines.values.address, sines.values.address, y.address, bins - 1, power ? 1 : 0)
    }

    /// Packs a row-major matrix (outputs, inputs).
    static func pack(_ rows: [Float], inputs: Int, outputs: Int) -> AlignedBuffer {
        let packed = AlignedBuffer(count: kernels_packed_count(inputs, outputs))
        unsafe kernels_pack(rows, inputs, outputs, packed.address)
        return packed
    }

    /// Packs bit patterns of half precision.
    static func pack(_ halves: [UInt16], inputs: Int, outputs: Int) -> AlignedBuffer {
        let packed = AlignedBuffer(count: (kernels_packed_count(inputs, outputs) + 1) / 2)
        unsafe kernels_pack_half(halves, inputs, outputs, packed.raw.assumingMemoryBound(to: UInt16.self))
        return packed
    }

    /// Packs the weights as multiples of their output's scale.
    static func pack(_ rows: [Float], inputs: Int, outputs: Int, scales: [Float]) -> AlignedBuffer {
        let multiples = rows.enumerated().map { index, weight in
            let scale = scales[index / inputs]
            // Invariant: the scale is the largest weight of the row / 127, and weights are finite.
            return scale > 0 ? Int8((weight / scale).rounded()) : 0
        }
        let packed = AlignedBuffer(count: (kernels_packed_count((inputs + 1) / 2 * 2, outputs) + 3) / 4)
        unsafe kernels_pack_integer(multiples, inputs, outputs, packed.raw.assumingMemoryBound(to: Int8.self))
        return packed
    }
}
