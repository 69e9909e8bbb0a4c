/// Floats of a matrix or a vector, aligned to a cache line as the library's are.
@safe
struct Operand: ~Copyable {
    let values: UnsafeMutableBufferPointer<Float>

    var count: Int { unsafe values.count }

    /// Makes an operand of `count` zeros.
    init(count: Int) {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(4 * count, 64), alignment: 64)
        unsafe values = UnsafeMutableBufferPointer(start: raw.bindMemory(to: Float.self, capacity: count), count: count)
        unsafe values.initialize(repeating: 0)
    }

    /// Makes an operand of `count` random numbers from -1 to 1.
    init(randomCount count: Int) {
        self.init(count: count)
        for index in 0..<count { unsafe values[index] = Float.random(in: -1...1) }
    }

    deinit { unsafe UnsafeMutableRawPointer(values.baseAddress)?.deallocate() }

    /// The first float from `start` on, for C.
    @unsafe func address(_ start: Int = 0) -> UnsafeMutablePointer<Float>? {
        unsafe values.baseAddress.map { unsafe $0 + start }
    }
}
