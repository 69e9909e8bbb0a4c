internal import CSndFile
internal import Glibc

/// The position of libsndfile in a window, and its functions to read it.
final class WindowCursor {
    let window: FileWindow
    fileprivate var position: Int64 = 0

    init(_ window: FileWindow) { self.window = window }

    static var callbacks: SF_VIRTUAL_IO {
        unsafe SF_VIRTUAL_IO(
            get_filelen: { unsafe cursor($0)?.window.count ?? 0 },
            seek: { offset, origin, data in
                guard let cursor = unsafe cursor(data) else { return -1 }
                switch origin {
                case SEEK_SET: cursor.position = offset
                case SEEK_CUR: cursor.position += offset
                default: cursor.position = cursor.window.count + offset
                }
                return cursor.position
            },
            read: { destination, count, data in
                guard let cursor = unsafe cursor(data), let destination = unsafe destination, count > 0,
                    cursor.position >= 0
                else { return 0 }
                let got = unsafe cursor.window.read(Int(count), at: cursor.position, to: destination)
                cursor.position += Int64(got)
                return sf_count_t(got)
            },
            write: { _, _, _ in 0 },
            tell: { unsafe cursor($0)?.position ?? 0 })
    }
}

/// Returns the cursor behind libsndfile's pointer.
@unsafe private func cursor(_ data: UnsafeMutableRawPointer?) -> WindowCursor? {
    unsafe data.map { unsafe Unmanaged<WindowCursor>.fromOpaque($0).takeUnretainedValue() }
}
