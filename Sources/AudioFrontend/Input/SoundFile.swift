internal import CSndFile
internal import Glibc

/// An audio file, decoded by libsndfile: WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF, RF64, W64, AU, CAF and what else it reads.
///
/// ```swift
/// let file = try SoundFile(path: "/usr/share/sounds/alsa/Front_Left.wav")
/// print(file.sampleRate, file.channels)
/// ```
@safe
public final class SoundFile: SampleSource {
    public let name: String
    public let sampleRate: Int
    public let channels: Int
    /// Sample frames that the header promises.
    public let length: Int64?
    private let handle: OpaquePointer
    private var position: Int64 = 0

    /// - Throws: ``AudioError`` `notFound` where the file cannot be opened, `decode` where it is not audio.
    public convenience init(path: String) throws(AudioError) { try self.init(FileName(path)) }

    /// - Throws: ``AudioError`` `notFound` where the file cannot be opened, `decode` where it is not audio.
    public convenience init(_ path: FileName) throws(AudioError) {
        var status = stat()
        guard unsafe path.withCString({ unsafe stat($0, &status) }) == 0 else {
            throw AudioError(.notFound, "\(path): \(Self.systemError())")
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw AudioError(.notFound, "\(path): is a folder, not a file")
        }
        let descriptor = unsafe path.withCString { unsafe open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw AudioError(.notFound, "\(path): \(Self.systemError())") }
        guard status.st_size > 0 || status.st_mode & S_IFMT != S_IFREG else {
            close(descriptor)
            throw AudioError(.decode, "\(path): the file is empty")
        }
        try self.init(descriptor: descriptor, name: path.description)
    }

    /// Takes over `descriptor`, which must be seekable.
    init(descriptor: Int32, name: String) throws(AudioError) {
        var information = SF_INFO()
        guard let handle = unsafe sf_open_fd(descriptor, Int32(SFM_READ), &information, Int32(SF_TRUE)) else {
            let reason = unsafe String(cString: sf_strerror(nil))
            throw AudioError(.decode, "\(name): \(Self.sentence(reason)); libsndfile cannot read it as audio")
        }
        do {
            try Limits.check(
                sampleRate: Int(information.samplerate), channels: Int(information.channels), of: name)
        } catch {
            unsafe sf_close(handle)
            throw error
        }
        self.name = name
        sampleRate = Int(information.samplerate)
        channels = Int(information.channels)
        length = information.frames > 0 && information.frames < Int64.max / 2 ? information.frames : nil
        unsafe self.handle = unsafe handle
    }

    deinit { unsafe sf_close(handle) }

    public func read(into samples: inout [Float]) throws(AudioError) -> Int {
        let wanted = samples.count / channels
        let handle = unsafe handle
        let count = unsafe samples.withUnsafeMutableBufferPointer { buffer in
            unsafe Int(sf_readf_float(handle, buffer.baseAddress, sf_count_t(wanted)))
        }
        position += Int64(count)
        if count == 0, unsafe sf_error(handle) != 0 {
            let reason = unsafe String(cString: sf_strerror(handle))
            throw AudioError(
                .decode, "\(name): \(Self.sentence(reason)) at sample \(position); what came before was decoded")
        }
        return count
    }

    static func systemError() -> String { unsafe String(cString: strerror(errno)) }

    /// libsndfile's messages end in a full stop, sometimes in "Error : ".
    private static func sentence(_ text: String) -> String {
        var text = text
        while let last = text.last, ". \n".contains(last) { text.removeLast() }
        return text
    }
}
