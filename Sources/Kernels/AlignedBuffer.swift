/// A fixed number of floats, aligned to a cache line, initially zero, and freed with their owner.
@safe
package struct AlignedBuffer: ~Copyable, @unchecked Sendable {
    private let base: UnsafeMutablePointer<Float>
    private let free: @convention(c) (UnsafeMutableRawPointer?) -> Void
    package let count: Int

    /// The alignment in bytes: a cache line, and the widest vector.
    package static let alignment = 64

    package init(count: Int, repeating value: Float = 0) {
        precondition(count >= 0, "a buffer's size is computed from a validated configuration")
        let capacity = max(count, 1)
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: capacity * MemoryLayout<Float>.stride, alignment: Self.alignment)
        unsafe base = raw.bindMemory(to: Float.self, capacity: capacity)
        unsafe base.initialize(repeating: value, count: capacity)
        unsafe free = { unsafe $0?.deallocate() }
        self.count = count
    }

    package init(_ values: [Float]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { unsafe base[index] = value }
    }

    /// Adopts `count` floats that a C library allocated, and returns them to it with `free`.
    @unsafe package init(
        adopting base: UnsafeMutablePointer<Float>, count: Int,
        free: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void
    ) {
        unsafe base.initialize(repeating: 0, count: count)
        unsafe self.base = unsafe base
        unsafe self.free = unsafe free
        self.count = count
    }

    deinit { unsafe free(base) }

    private init(base: UnsafeMutablePointer<Float>, count: Int) {
        unsafe self.base = unsafe base
        unsafe free = { _ in }
        self.count = count
    }

    /// A second owner of the same floats, which does not free them. It must not outlive this buffer, and nobody may use
    /// this buffer meanwhile.
    @unsafe func alias() -> AlignedBuffer { unsafe AlignedBuffer(base: base, count: count) }

    /// The address of the first float, for C. It must not outlive the buffer.
    @unsafe package var address: UnsafeMutablePointer<Float> { unsafe base }

    /// The address for numbers of another type.
    @unsafe var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(base) }

    package var span: Span<Float> {
        @_lifetime(borrow self)
        borrowing get {
            let span = unsafe Span(_unsafeStart: base, count: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Returns the floats of `range`.
    @_lifetime(borrow self)
    package borrowing func part(_ range: Range<Int>) -> Span<Float> {
        requires(range.lowerBound, range.count)
        let span = unsafe Span(_unsafeStart: base + range.lowerBound, count: range.count)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    package subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count, "an index lies inside its buffer")
            return unsafe base[index]
        }
        set {
            precondition(index >= 0 && index < count, "an index lies inside its buffer")
            unsafe base[index] = newValue
        }
    }

    /// Returns whether all floats of `range` are finite.
    package func isFinite(_ range: Range<Int>) -> Bool {
        // 0 for a finite number, not a number for any other; a sum needs no branch for each float.
        var sum: Float = 0
        for index in range { sum += self[index] * 0 }
        return sum == 0
    }

    package mutating func fill(_ value: Float) {
        unsafe base.update(repeating: value, count: count)
    }

    package mutating func fill(_ value: Float, _ range: Range<Int>) {
        requires(range.lowerBound, range.count)
        unsafe (base + range.lowerBound).update(repeating: value, count: range.count)
    }

    /// Copies `values` to `start`.
    package mutating func copy(_ values: Span<Float>, to start: Int = 0) {
        requires(start, values.count)
        guard values.count > 0 else { return }
        unsafe values.withUnsafeBufferPointer { source in
            if let address = source.baseAddress { unsafe (base + start).update(from: address, count: source.count) }
        }
    }

    /// Copies `count` floats of another buffer to `start`.
    package mutating func copy(_ other: borrowing AlignedBuffer, from first: Int, count: Int, to start: Int) {
        other.requires(first, count)
        requires(start, count)
        unsafe (base + start).update(from: other.base + first, count: count)
    }

    /// Copies the floats of `range` to `start`; the ranges may overlap.
    package mutating func move(_ range: Range<Int>, to start: Int) {
        requires(range.lowerBound, range.count)
        requires(start, range.count)
        unsafe (base + start).update(from: base + range.lowerBound, count: range.count)
    }

    /// Stops the program if `count` floats from `start` on are not all inside. Sizes follow from a validated
    /// configuration, so that would be a bug of this project.
    func requires(_ start: Int, _ count: Int) {
        precondition(start >= 0 && count >= 0 && start + count <= self.count, "a part lies inside its buffer")
    }
}
