internal import CDecoderMessages
internal import CSndFile
internal import Glibc

/// An audio file, decoded by libsndfile: WAV, FLAC, Ogg Vorbis, Opus, MP3, AIFF, RF64, W64, AU, CAF and its other
/// formats.
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
    /// Number of sample frames in the header.
    public let length: Int64?
    private let handle: OpaquePointer
    private let cursor: WindowCursor
    private var position: Int64 = 0
    /// Number of sample frames by the last one of a FLAC without that number in its header.
    var lengthByLastFrame: Int64?
    /// Receives the decoder's own messages, a line each, and each line once: a damaged file repeats them.
    private let inform: @Sendable (String) -> Void
    private var said: Set<String> = []

    /// - Throws: ``AudioError`` `notFound` where the file cannot be opened, `decode` where it is not audio.
    public convenience init(path: String) throws(AudioError) { try self.init(FileName(path)) }

    /// - Throws: ``AudioError`` `notFound` where the file cannot be opened, `decode` where it is not audio.
    public convenience init(_ file: FileName) throws(AudioError) {
        let bytes = try FileOpening.open(file, interrupt: nil)
        guard bytes.fileSize != nil else {
            throw AudioError(.notFound, "\(file): is not a regular file, which alone can be read at any place")
        }
        guard bytes.fileEnd > 0 else { throw AudioError(.decode, "\(file): the file is empty") }
        try self.init(FileWindow(bytes), name: file.description, file: file, what: "it")
    }

    /// - Parameters:
    ///   - file: the file's name, if the bytes have one.
    ///   - what: the kind of the bytes, for the message.
    ///   - options: the receiver of the decoder's own messages, and the words of the program's.
    init(
        _ window: FileWindow, name: String, file: FileName?, what: String,
        _ options: InputOptions = InputOptions()
    ) throws(AudioError) {
        let cursor = WindowCursor(window)
        var callbacks = WindowCursor.callbacks
        var information = SF_INFO()
        let words = DecoderWords()
        let opened = unsafe sf_open_virtual(
            &callbacks, Int32(SFM_READ), &information, Unmanaged.passUnretained(cursor).toOpaque())
        let found = words.end()
        for line in found where said.insert(line).inserted { options.inform("\(name): \(line)") }
        guard let handle = unsafe opened else {
            let reason = unsafe String(cString: sf_strerror(nil))
            throw AudioError(
                .decode,
                "\(name): libsndfile cannot decode \(what) (\(Self.reason(reason))); "
                    + options.advice.conversion(of: file))
        }
        do {
            try Limits.check(
                sampleRate: Int(information.samplerate), channels: Int(information.channels), of: name)
        } catch {
            unsafe sf_close(handle)
            throw error
        }
        self.name = name
        inform = options.inform
        self.cursor = cursor
        sampleRate = Int(information.samplerate)
        channels = Int(information.channels)
        length = information.frames > 0 && information.frames < Int64.max / 2 ? information.frames : nil
        unsafe self.handle = unsafe handle
    }

    deinit { unsafe sf_close(handle) }

    /// Number of sample frames that are missing of those in the header, once the file has ended.
    var missing: Int64 { max(0, (length ?? lengthByLastFrame ?? 0) - position) }
    /// The end of the bytes that the decoder has read of its window.
    var furthest: Int64 { cursor.window.furthest }

    public func read(into samples: inout [Float]) throws(AudioError) -> Int {
        let wanted = samples.count / channels
        let handle = unsafe handle
        let words = DecoderWords()
        let count = unsafe samples.withUnsafeMutableBufferPointer { buffer in
            unsafe Int(sf_readf_float(handle, buffer.baseAddress, sf_count_t(wanted)))
        }
        for line in words.end() where said.insert(line).inserted { inform("\(name): \(line)") }
        position += Int64(count)
        // An error behind the last byte means that the file is cut, which the caller reports.
        let isCut = missing > 0 && cursor.window.furthest >= cursor.window.count
        if count == 0, unsafe sf_error(handle) != 0, !isCut {
            let reason = unsafe String(cString: sf_strerror(handle))
            throw AudioError(
                .decode,
                "\(name): cannot be decoded at sample \(position) (\(Self.reason(reason))); what came before was used")
        }
        return count
    }

    /// Shortens libsndfile's reason, and explains the misleading ones.
    private static func reason(_ text: String) -> String {
        let meanings = [
            ("regular file", "no decodable frame"),
            ("unknown error in flac decoder", "a kind of FLAC that it does not know"),
            ("unimplemented format", "a coding that it does not know"),
            ("Format not recognised", "no format that it knows"),
            ("Supported file format but", "its structure is damaged"),
        ]
        if let meaning = meanings.first(where: { text.contains($0.0) }) { return meaning.1 }
        // The messages end in a full stop, sometimes in a line's end.
        var text = text
        if text.hasPrefix("Error : ") { text.removeFirst(8) }
        while let last = text.last, ". \n".contains(last) { text.removeLast() }
        return text
    }
}
