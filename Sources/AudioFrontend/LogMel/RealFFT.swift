internal import CFFTW3f
internal import Glibc
internal import Kernels
internal import Synchronization

/// FFTW's planner is not thread-safe ("the only thread-safe routine in FFTW is fftw_execute"): planning and destroying
/// take this lock, executing does not.
private let planner = Mutex(())

/// The magnitudes of an FFT of real samples: FFTW, single precision, planned once, over buffers of its own.
///
/// FFTW transforms the samples in pairs, as half as many complex numbers, and a kernel makes the bins from them. FFTW's
/// estimated plans for real input do the last step two floats at a time, and take three times as long.
@safe
struct RealFFT: ~Copyable {
    /// The samples to transform: an even number of them. FFTW leaves them as they are.
    var samples: AlignedBuffer
    /// (length / 2 + 1) pairs (re, im): of the pairs of samples, and the first one again.
    private var half: AlignedBuffer
    private let rotations: Rotations
    private let plan: fftwf_plan

    /// The numbers on the unit circle that join the transform of pairs: exp(2 pi i k / length), k = 0 ... length / 2.
    struct Rotations: Sendable {
        fileprivate let cosines: ConstantVector
        fileprivate let sines: ConstantVector

        init(length: Int) {
            let angles = (0...length / 2).map { 2 * Double.pi * Double($0) / Double(length) }
            cosines = ConstantVector(angles.map { Float(cos($0)) })
            sines = ConstantVector(angles.map { Float(sin($0)) })
        }
    }

    init(length: Int, _ rotations: Rotations) throws(AudioError) {
        let pairs = length / 2
        // FFTW's own allocator aligns for its vector instructions.
        guard let input = unsafe fftwf_alloc_complex(pairs), let output = unsafe fftwf_alloc_complex(pairs + 1) else {
            throw AudioError(.recipe, "no memory for an FFT of \(length) samples")
        }
        // FFTW_ESTIMATE and not FFTW_MEASURE: measuring picks its algorithm by the clock, and different algorithms
        // round differently. The same samples must give the same frames everywhere.
        nonisolated(unsafe) var planned: fftwf_plan?
        planner.withLock { _ in
            unsafe planned = unsafe fftwf_plan_dft_1d(
                Int32(pairs), input, output, FFTW_FORWARD, UInt32(FFTW_ESTIMATE))
        }
        guard let plan = unsafe planned else {
            unsafe fftwf_free(input)
            unsafe fftwf_free(output)
            throw AudioError(.recipe, "FFTW has no plan for \(length) samples")
        }
        unsafe self.plan = unsafe plan
        samples = unsafe AlignedBuffer(
            adopting: UnsafeMutableRawPointer(input).assumingMemoryBound(to: Float.self), count: length,
            free: fftwf_free)
        half = unsafe AlignedBuffer(
            adopting: UnsafeMutableRawPointer(output).assumingMemoryBound(to: Float.self), count: 2 * (pairs + 1),
            free: fftwf_free)
        self.rotations = rotations
    }

    deinit {
        nonisolated(unsafe) let plan = unsafe plan
        planner.withLock { _ in unsafe fftwf_destroy_plan(plan) }
    }

    /// The magnitudes of the `length / 2 + 1` bins, or their squares.
    mutating func transform(power: Bool, kernels: Kernels, into magnitudes: inout AlignedBuffer) {
        unsafe fftwf_execute(plan)
        half.move(0..<2, to: half.count - 2)
        kernels.magnitude(
            half, cosines: rotations.cosines, sines: rotations.sines, power: power, into: &magnitudes)
    }
}
