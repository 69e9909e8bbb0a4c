internal import Glibc

/// An open unnamed file with the bytes of a recording.
final class UnnamedFile: Sendable {
    let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}
