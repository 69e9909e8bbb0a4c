internal import CKernels
internal import Glibc

/// The dense kernels of one instruction set, over buffers whose sizes are checked here.
///
/// `Kernels.best` is chosen once; the environment variable `AUDIO_CLASSIFIERD_KERNELS` (`generic`, `avx2`, `avx512`)
/// chooses another for the whole process. This folder alone calls C.
@safe
package struct Kernels: @unchecked Sendable {
    // A constant of the C target.
    let table: UnsafePointer<kernels_table>

    /// The kernels called `name`, or nil where there are none or this machine cannot run them.
    package init?(named name: String) {
        guard let table = unsafe kernels_select(name) else { return nil }
        unsafe self.table = table
    }

    private init(counting: Void) { unsafe table = kernels_counting() }

    /// The generic kernels, with a count of their multiply-adds.
    package static let counting = Kernels(counting: ())

    /// Multiply-adds of ``counting`` on this thread so far.
    package static var multiplyAdds: Int { kernels_multiply_adds() }

    package static let best = requested.flatMap { Kernels(named: $0) } ?? available[available.count - 1]

    /// The name in the environment, where there is one; it may be one that this machine does not have.
    package static let requested = unsafe getenv("AUDIO_CLASSIFIERD_KERNELS").map { unsafe String(cString: $0) }

    /// Every instruction set that this machine runs, the plainest first.
    package static let available = ["generic", "avx2", "avx512"].compactMap { Kernels(named: $0) }

    package var name: String { unsafe String(cString: table.pointee.name) }

    /// Floats in a vector: buffers that kernels fill are rounded up to a multiple of it.
    package static let lanes = Int(KERNELS_LANES)

    /// `count` rounded up to whole vectors.
    package static func padded(_ count: Int) -> Int { (count + lanes - 1) / lanes * lanes }

    /// y[r] = W x[r] + b for `rows` vectors; with `accumulate`, added to y. The vectors begin at the given positions of their
    /// buffers and lie `inputStride` and `outputStride` floats apart, or one behind the other.
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
        switch matrix.format {
        case .single:
            unsafe table.pointee.affine(
                matrix.weights.address, bias, inputs, outputs, from, inputStride, to, outputStride, rows, adds)
        case .half:
            unsafe table.pointee.affine_half(
                matrix.weights.raw.assumingMemoryBound(to: UInt16.self), bias, inputs, outputs, from, inputStride, to,
                outputStride, rows, adds)
        case .integer:
            unsafe table.pointee.affine_integer(
                matrix.weights.raw.assumingMemoryBound(to: Int8.self), matrix.scales.address, bias, inputs, outputs,
                from, inputStride, to, outputStride, rows, adds)
        }
    }

    /// y = W x; y has `paddedOutputs` floats.
    package func banded(_ matrix: BandedMatrix, _ x: borrowing AlignedBuffer, into y: inout AlignedBuffer) {
        x.requires(0, matrix.inputs)
        y.requires(0, matrix.paddedOutputs)
        unsafe table.pointee.banded(
            matrix.weights.address, matrix.starts, matrix.counts, matrix.starts.count, x.address, y.address)
    }

    /// y[f] = max(0, the filter over three columns from band `bandStride` f on), for `bands` output bands f. The columns begin at the given
    /// positions; they and y are (bands, channels).
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

    /// y[r] = (x[r] - mean) / sqrt(variance + epsilon) * weight + bias for `rows` vectors that lie one behind the other
    package func layerNorm(
        _ x: borrowing AlignedBuffer, weight: ConstantVector, bias: ConstantVector, epsilon: Float,
        into y: inout AlignedBuffer, rows: Int = 1
    ) {
        let count = weight.count
        x.requires(0, rows * count)
        y.requires(0, rows * count)
        precondition(bias.count == count, "a layer norm has a weight and a bias an element")
        for start in stride(from: 0, to: rows * count, by: count) {
            unsafe table.pointee.layer_norm(
                x.address + start, weight.values.address, bias.values.address, epsilon, y.address + start, count)
        }
    }

    /// y = (x - offset) * scale
    package func standardize(
        _ x: borrowing AlignedBuffer, from start: Int = 0, offset: ConstantVector, scale: ConstantVector,
        into y: inout AlignedBuffer, at target: Int = 0
    ) {
        x.requires(start, offset.count)
        y.requires(target, offset.count)
        precondition(offset.count == scale.count, "an offset and a scale an element")
        unsafe table.pointee.standardize(
            x.address + start, offset.values.address, scale.values.address, y.address + target, offset.count)
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
    package func add(
        _ x: ConstantVector, from start: Int = 0, count: Int, to y: inout AlignedBuffer, at target: Int = 0
    ) {
        x.values.requires(start, count)
        y.requires(target, count)
        unsafe table.pointee.add(x.values.address + start, y.address + target, count)
    }

    /// y becomes the mean of `place` + 1 vectors, of which x is the last one, from that of the others: y = y + (x - y) / (place + 1). The mean of
    /// equal vectors is that vector exactly.
    package func takeMean(
        _ x: borrowing AlignedBuffer, from start: Int, place: Int, _ y: inout AlignedBuffer, at target: Int, count: Int
    ) {
        guard place > 0 else { return y.copy(x, from: start, count: count, to: target) }
        x.requires(start, count)
        y.requires(target, count)
        unsafe table.pointee.approach(x.address + start, 1 / Float(place + 1), y.address + target, count)
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

    /// The magnitudes, or their squares with `power`, of the spectrum of real samples, from that of their pairs.
    /// - Parameters:
    ///   - half: the transform of the samples taken in pairs as complex numbers, and its first number again behind the last.
    ///   - cosines: of 2 pi k / N for the N / 2 + 1 bins k of N samples; `sines` likewise.
    package func magnitude(
        _ half: borrowing AlignedBuffer, cosines: ConstantVector, sines: ConstantVector, power: Bool,
        into y: inout AlignedBuffer
    ) {
        let bins = cosines.count
        half.requires(0, 2 * bins)
        y.requires(0, bins)
        precondition(sines.count == bins, "a cosine and a sine a bin")
        unsafe table.pointee.magnitude(
            half.address, cosines.values.address, sines.values.address, y.address, bins - 1, power ? 1 : 0)
    }

    static func pack(_ rows: [Float], inputs: Int, outputs: Int) -> AlignedBuffer {
        let packed = AlignedBuffer(count: kernels_packed_count(inputs, outputs))
        unsafe kernels_pack(rows, inputs, outputs, packed.address)
        return packed
    }

    /// The same of bit patterns of half precision.
    static func pack(_ halves: [UInt16], inputs: Int, outputs: Int) -> AlignedBuffer {
        let packed = AlignedBuffer(count: (kernels_packed_count(inputs, outputs) + 1) / 2)
        unsafe kernels_pack_half(halves, inputs, outputs, packed.raw.assumingMemoryBound(to: UInt16.self))
        return packed
    }

    /// The same as multiples of each output's unit.
    static func pack(_ rows: [Float], inputs: Int, outputs: Int, units: [Float]) -> AlignedBuffer {
        let multiples = rows.enumerated().map { index, weight in
            let unit = units[index / inputs]
            return unit > 0 ? Int8((weight / unit).rounded()) : 0
        }
        let packed = AlignedBuffer(count: (kernels_packed_count((inputs + 1) / 2 * 2, outputs) + 3) / 4)
        unsafe kernels_pack_integer(multiples, inputs, outputs, packed.raw.assumingMemoryBound(to: Int8.self))
        return packed
    }
}
