internal import CFFTW3f
internal import Kernels
internal import Synchronization

/// FFTW's planner is not thread-safe ("the only thread-safe routine in FFTW is fftw_execute"): planning and destroying take
/// this lock, executing does not.
private let planner = Mutex(())

/// A forward FFT of real samples: FFTW, single precision, planned once, over buffers of its own.
@safe
struct RealFFT: ~Copyable {
    /// The samples to transform: `length` of them. FFTW leaves them as they are.
    var samples: AlignedBuffer
    /// `length / 2 + 1` pairs (re, im).
    private(set) var spectrum: AlignedBuffer
    private let plan: fftwf_plan

    init(length: Int) throws(AudioError) {
        let bins = length / 2 + 1
        // FFTW's own allocator aligns for its vector instructions.
        guard let input = unsafe fftwf_alloc_real(length), let output = unsafe fftwf_alloc_complex(bins) else {
            throw AudioError(.recipe, "no memory for an FFT of \(length) samples")
        }
        // FFTW_ESTIMATE and not FFTW_MEASURE: measuring picks its algorithm by the clock, and two processes that picked
        // differently would round differently. The same samples must give the same frames everywhere.
        nonisolated(unsafe) var planned: fftwf_plan?
        planner.withLock { _ in
            unsafe planned = unsafe fftwf_plan_dft_r2c_1d(Int32(length), input, output, UInt32(FFTW_ESTIMATE))
        }
        guard let plan = unsafe planned else {
            unsafe fftwf_free(input)
            unsafe fftwf_free(output)
            throw AudioError(.recipe, "FFTW has no plan for \(length) samples")
        }
        let floats = unsafe UnsafeMutableRawPointer(output).assumingMemoryBound(to: Float.self)
        unsafe self.plan = unsafe plan
        samples = unsafe AlignedBuffer(adopting: input, count: length, free: fftwf_free)
        spectrum = unsafe AlignedBuffer(adopting: floats, count: 2 * bins, free: fftwf_free)
    }

    deinit {
        nonisolated(unsafe) let plan = unsafe plan
        planner.withLock { _ in unsafe fftwf_destroy_plan(plan) }
    }

    mutating func transform() { unsafe fftwf_execute(plan) }
}
