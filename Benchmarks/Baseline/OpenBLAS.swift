internal import Glibc

/// OpenBLAS on one thread. It is loaded when the benchmark runs, so that nothing else of the project needs it.
@safe
struct OpenBLAS {
    private typealias Gemv =
        @convention(c) (
            CInt, CInt, CInt, CInt, Float, UnsafePointer<Float>?, CInt, UnsafePointer<Float>?, CInt, Float,
            UnsafeMutablePointer<Float>?, CInt
        ) -> Void
    private typealias Gemm =
        @convention(c) (
            CInt, CInt, CInt, CInt, CInt, CInt, Float, UnsafePointer<Float>?, CInt, UnsafePointer<Float>?, CInt, Float,
            UnsafeMutablePointer<Float>?, CInt
        ) -> Void
    private typealias Dot = @convention(c) (CInt, UnsafePointer<Float>?, CInt, UnsafePointer<Float>?, CInt) -> Float
    private typealias SetThreads = @convention(c) (CInt) -> Void

    private let gemv: Gemv
    private let gemm: Gemm
    private let dot: Dot

    // CBLAS's constants.
    private static let rowMajor: CInt = 101
    private static let plain: CInt = 111
    private static let transposed: CInt = 112

    /// Returns nil if the library is not installed.
    init?() {
        guard let library = unsafe dlopen("libopenblas.so.0", RTLD_NOW),
            let gemv = unsafe dlsym(library, "cblas_sgemv"), let gemm = unsafe dlsym(library, "cblas_sgemm"),
            let dot = unsafe dlsym(library, "cblas_sdot"),
            let setThreads = unsafe dlsym(library, "openblas_set_num_threads")
        else { return nil }
        unsafe self.gemv = unsafe unsafeBitCast(gemv, to: Gemv.self)
        unsafe self.gemm = unsafe unsafeBitCast(gemm, to: Gemm.self)
        unsafe self.dot = unsafe unsafeBitCast(dot, to: Dot.self)
        unsafe unsafeBitCast(setThreads, to: SetThreads.self)(1)
    }

    /// Computes y = A x. A is `size` x `size`, stored by rows or by columns from `start` of `matrices` on.
    func multiply(
        _ matrices: borrowing Operand, at start: Int, size: Int, byColumns: Bool, _ x: borrowing Operand,
        into y: inout Operand
    ) {
        precondition(start + size * size <= matrices.count && size <= x.count && size <= y.count)
        let n = CInt(size)
        unsafe gemv(
            Self.rowMajor, byColumns ? Self.transposed : Self.plain, n, n, 1, matrices.address(start), n, x.address(),
            1,
            0, y.address(), 1)
    }

    /// Computes Y (rows, outputs) = X (rows, inputs) W. W (inputs, outputs) begins at `start` of `matrices`.
    func multiply(
        _ matrices: borrowing Operand, at start: Int, inputs: Int, outputs: Int, rows: Int,
        _ x: borrowing Operand, into y: inout Operand
    ) {
        precondition(start + inputs * outputs <= matrices.count && rows * inputs <= x.count)
        precondition(rows * outputs <= y.count)
        let (m, n, k) = (CInt(rows), CInt(outputs), CInt(inputs))
        unsafe gemm(
            Self.rowMajor, Self.plain, Self.plain, m, n, k, 1, x.address(), k, matrices.address(start), n, 0,
            y.address(),
            n)
    }

    /// Returns the sum of the squares, for which it reads `x` once.
    func square(_ x: borrowing Operand) -> Float {
        unsafe dot(CInt(x.count), x.address(), 1, x.address(), 1)
    }
}
