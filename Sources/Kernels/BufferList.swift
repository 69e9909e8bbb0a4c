package import StrictCoding

/// A part of a stream's memory, as a list of its buffers. Its size, its reset, its snapshot and its restoring follow
/// from the list.
package protocol BufferList: ~Copyable {
    /// Visits every buffer, always in the same order, which is the order of the snapshot.
    borrowing func visit<Visitor: BufferVisitor>(_ visitor: inout Visitor) throws(Visitor.Failure)

    /// Makes the state that of a new stream.
    mutating func reset()
    /// Writes the state.
    func snapshot(to writer: inout SnapshotWriter)
    /// Reads a state that ``snapshot(to:)`` wrote.
    /// - Throws: `Truncated` if the snapshot is too short or holds a number that is not finite.
    mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated)
}

/// How long the contents of a buffer are needed, and what they are in a new stream.
package enum BufferRole {
    /// Part of the stream's state; zero in a new stream.
    case state
    /// Part of the stream's state: aggregates of this shape, empty in a new stream.
    case aggregates(SumsShape)
    /// Needed within a step only.
    case scratch
}

/// An operation on each buffer of a ``BufferList``.
package protocol BufferVisitor {
    associatedtype Failure: Error

    mutating func visit(_ buffer: borrowing AlignedBuffer, _ role: BufferRole) throws(Failure)
    /// Counts scratch memory that is in no buffer.
    mutating func visitScratch(bytes: Int)
}

extension BufferVisitor {
    package mutating func visit(_ buffer: borrowing AlignedBuffer) throws(Failure) { try visit(buffer, .state) }
    package mutating func visitScratch(bytes: Int) {}
}

extension BufferList where Self: ~Copyable {
    /// Bytes of all buffers, scratch included.
    package var bytes: Int {
        var counter = ByteCounter()
        visit(&counter)
        return counter.bytes
    }

    /// Makes the state in all buffers that of a new stream.
    package mutating func clearBuffers() {
        var clearing = ClearingVisitor()
        visit(&clearing)
    }

    package mutating func reset() { clearBuffers() }

    package func snapshot(to writer: inout SnapshotWriter) { visit(&writer) }

    package mutating func restore(from reader: inout SnapshotReader) throws(SnapshotReader.Truncated) {
        try visit(&reader)
    }
}

private struct ByteCounter: BufferVisitor {
    var bytes = 0

    mutating func visit(_ buffer: borrowing AlignedBuffer, _ role: BufferRole) {
        bytes += MemoryLayout<Float>.stride * buffer.count
    }
    mutating func visitScratch(bytes: Int) { self.bytes += bytes }
}

// A list is visited as a borrowed value, so that one function serves reading and writing. The two visitors that write
// are used only in `clearBuffers` and `restore`, which are mutating: they have the list, and with it the buffers, to
// themselves.

private struct ClearingVisitor: BufferVisitor {
    func visit(_ buffer: borrowing AlignedBuffer, _ role: BufferRole) {
        var buffer = unsafe buffer.alias()
        switch role {
        case .state: buffer.fill(0)
        case .aggregates(let shape): shape.clearAll(&buffer)
        case .scratch: break
        }
    }
}

extension SnapshotWriter: BufferVisitor {
    package mutating func visit(_ buffer: borrowing AlignedBuffer, _ role: BufferRole) {
        if !role.isScratch { write(buffer) }
    }
}

extension SnapshotReader: BufferVisitor {
    package mutating func visit(_ buffer: borrowing AlignedBuffer, _ role: BufferRole) throws(Truncated) {
        guard !role.isScratch else { return }
        var buffer = unsafe buffer.alias()
        try read(into: &buffer)
    }
}

extension BufferRole {
    fileprivate var isScratch: Bool { if case .scratch = self { true } else { false } }
}
