internal import CSndFile
internal import Glibc

/// The position of libsndfile in a window, and its functions to read it.
final class WindowCursor {
    /// An empty ID3 tag. libsndfile 1.2 recognises many MP3 files by their name or by a tag only, and a window has no
    /// name.
    private static let tag: [UInt8] = Array("ID3".utf8) + [4, 0, 0, 0, 0, 0, 10] + [UInt8](repeating: 0, count: 10)

    let window: FileWindow
    /// Bytes before those of the window.
    private let prefix: [UInt8]
    /// The offset of the next byte; the prefix counts.
    fileprivate var position: Int64 = 0

    init(_ window: FileWindow) {
        self.window = window
        let head = window.bytes(at: 0, 2)
        let beginsWithFrame = head.count == 2 && head[0] == 0xFF && head[1] & 0xE0 == 0xE0
        prefix = beginsWithFrame ? Self.tag : []
    }

    fileprivate var count: Int64 { Int64(prefix.count) + window.count }

    @unsafe fileprivate func read(_ size: Int, to destination: UnsafeMutableRawPointer) -> Int {
        var done = 0
        while done < size, position < Int64(prefix.count) {
            unsafe destination.storeBytes(of: prefix[Int(position)], toByteOffset: done, as: UInt8.self)
            done += 1
            position += 1
        }
        guard done < size else { return done }
        let got = unsafe window.read(
            size - done, at: position - Int64(prefix.count), to: destination + done)
        position += Int64(got)
        return done + got
    }

    static var callbacks: SF_VIRTUAL_IO {
        unsafe SF_VIRTUAL_IO(
            get_filelen: { unsafe cursor($0)?.count ?? 0 },
            seek: { offset, origin, data in
                guard let cursor = unsafe cursor(data) else { return -1 }
                switch origin {
                case SEEK_SET: cursor.position = offset
                case SEEK_CUR: cursor.position += offset
                default: cursor.position = cursor.count + offset
                }
                return cursor.position
            },
            read: { destination, count, data in
                guard let cursor = unsafe cursor(data), let destination = unsafe destination, count > 0,
                    cursor.position >= 0
                else { return 0 }
                return sf_count_t(unsafe cursor.read(Int(count), to: destination))
            },
            write: { _, _, _ in 0 },
            tell: { unsafe cursor($0)?.position ?? 0 })
    }
}

/// Returns the cursor behind libsndfile's pointer.
@unsafe private func cursor(_ data: UnsafeMutableRawPointer?) -> WindowCursor? {
    unsafe data.map { unsafe Unmanaged<WindowCursor>.fromOpaque($0).takeUnretainedValue() }
}
