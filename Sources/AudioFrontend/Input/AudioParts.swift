internal import Glibc

/// The sources of an input's samples: usually one, several for concatenated recordings.
///
/// The bytes of every kind of input (a file, standard input, a FIFO, a socket, an upload) are identified here, by their
/// content.
final class AudioParts {
    /// The data after the present source.
    private enum Following {
        case nothing
        /// Ranges of a window, for libsndfile.
        case windows([Range<Int64>])
        /// Chunks after the samples of a WAV, or another WAV.
        case wave(end: Int64?)
    }

    let bytes: ByteStream
    private let options: InputOptions
    private let rate: Int
    private var following = Following.nothing
    /// All bytes that libsndfile reads.
    private var window: FileWindow?
    private var what = ""
    /// Error to throw after the kept part of a stream has been read.
    private var lateFailure: AudioError?
    /// The missing end, as found by a scan of the container.
    private var containerTruncation: String?
    private(set) var source: any SampleSource

    /// - Parameter rate: the rate of raw PCM if the options have none.
    init(_ bytes: ByteStream, rate: Int, options: InputOptions) throws(AudioError) {
        self.bytes = bytes
        self.rate = rate
        self.options = options
        source = NoSamples(rate: rate)
        source = try first()
    }

    /// The next source, once the present one has ended; `nil` at the end.
    func next() throws(AudioError) -> (any SampleSource)? {
        switch following {
        case .nothing:
            if let file = source as? SoundFile, let rest = flacBehind(file) {
                window = rest
                source = try soundFile(rest)
                return source
            }
            if bytes.fileSize == nil { try drain() }
        case .windows(let ranges):
            guard let range = ranges.first, let window else { break }
            following = .windows(Array(ranges.dropFirst()))
            source = try soundFile(window.window(range))
            return source
        case .wave(let end):
            following = .nothing
            guard try findWave(end) else { break }
            source = try headed(.wave)
            return source
        }
        if let lateFailure { throw lateFailure }
        return nil
    }

    /// The missing part, if the input has ended before the length in its header or the end mark of its container.
    var truncation: String? {
        if bytes.isInterrupted { return nil }
        if let stream = source as? PCMStream {
            return stream.missing > 0 ? "its header promises \(stream.missing) bytes more" : nil
        }
        if let containerTruncation { return containerTruncation }
        guard what == "FLAC", let file = source as? SoundFile, file.missing > 0 else { return nil }
        return "its header promises \(file.missing) samples more"
    }

    // MARK: Identifying

    private func first() throws(AudioError) -> any SampleSource {
        guard options.container != .raw else { return try raw() }
        let head = try bytes.peek(ContentIdentifier.headLength)
        if bytes.isInterrupted { return try raw() }
        guard !head.isEmpty else {
            let what = bytes.fileSize == nil ? "there is no byte in it" : "the file is empty"
            throw AudioError(.decode, "\(bytes.name): \(what)")
        }
        var content = ContentIdentifier.byMagic(head[...])
        if options.container == .wav {
            guard content == .header(.wave) else {
                throw AudioError(
                    .decode,
                    "\(bytes.name): the stream does not begin with a WAV header; "
                        + "for raw PCM use --input-format raw"
                )
            }
        }
        let isRaw = options.sampleFormat != nil || options.sampleRate != nil
        if content == nil && !isRaw {
            content = try ContentIdentifier.bySearch(bytes.peek)
        }
        switch content {
        case .header(let kind): return try headed(kind)
        case .soundFile(let name): return try decoded(name)
        case .mpeg(let offset):
            if offset > 0 {
                options.warn("\(bytes.name): its first MP3 frame begins at byte \(offset), where it is read from")
                _ = try bytes.skip(Int64(offset))
            }
            return try decoded("MP3")
        case .foreign(let name):
            if isRaw { return try raw() }
            throw AudioError(
                .decode,
                "\(bytes.name): is \(name), which is not decoded here; if there is sound in it, \(Remedy.convert)"
            )
        case nil:
            if isRaw || options.acceptsRawPCM { return try raw() }
            throw AudioError(
                .decode,
                "\(bytes.name): is no audio of a known kind; \(Remedy.convert). Raw PCM needs --input-format raw")
        }
    }

    private func raw() throws(AudioError) -> PCMStream {
        let layout = PCMLayout(
            format: options.sampleFormat ?? .s16le, sampleRate: options.sampleRate ?? rate,
            channels: options.channels ?? 1)
        return try PCMStream(bytes, layout, byCaller: true)
    }

    // MARK: Samples after a header

    private func headed(_ kind: HeaderKind) throws(AudioError) -> any SampleSource {
        let header: SoundHeader
        do { header = try kind.read(bytes) } catch {
            if bytes.isInterrupted { return try raw() }
            throw error
        }
        if let remark = header.remark { options.warn("\(bytes.name): \(remark)") }
        guard let layout = header.layout else {
            let source = try decoded(kind.name)
            if let end = header.end, let window, end > window.count {
                containerTruncation = "its header promises \(end - window.count) bytes more"
            }
            return source
        }
        if kind == .wave {
            let end = bytes.fileSize == nil ? nil : layout.size.map { bytes.position + $0 }
            following = layout.size == nil ? .nothing : .wave(end: end)
        }
        return try PCMStream(bytes, layout)
    }

    /// Looks for another WAV after the samples of one. Other chunks are read and ignored, so that a pipe's writer does
    /// not fail.
    private func findWave(_ end: Int64?) throws(AudioError) -> Bool {
        if let end { bytes.seek(to: end) }
        var head = try bytes.peek(12)
        if head.count == 12, ContentIdentifier.byMagic(head[...]) == .header(.wave) { return true }
        // The samples of an odd number of bytes are followed by a zero.
        if head.first == 0 { _ = try bytes.take(1) }
        while true {
            head = try bytes.peek(12)
            guard head.count >= 8 else { break }
            if ContentIdentifier.byMagic(head[...]) == .header(.wave) { return true }
            guard head[..<4].allSatisfy({ (0x20..<0x7F).contains($0) }) else { break }
            let size = Int64(head.little(4, 4))
            guard try bytes.skip(8 + size + size % 2) else { break }
        }
        if bytes.fileSize == nil {
            let passed = try drain()
            if passed >= 1 << 32 - 1 << 20 {
                options.warn(
                    "\(bytes.name): \(passed) bytes behind the samples were not used; "
                        + "has the header's size wrapped at 4 GiB? As a file it is read to its end"
                )
            }
        }
        return false
    }

    /// Reads a pipe to its end.
    @discardableResult
    private func drain() throws(AudioError) -> Int64 {
        var total: Int64 = 0
        var rest: [UInt8] = []
        while try bytes.read(65_536, into: &rest) > 0 {
            total += Int64(rest.count)
            rest.removeAll(keepingCapacity: true)
        }
        return total
    }

    // MARK: Containers for libsndfile

    private func decoded(_ what: String) throws(AudioError) -> any SampleSource {
        let window: FileWindow
        if bytes.fileSize != nil {
            window = FileWindow(bytes)
        } else {
            options.warn(
                "\(bytes.name): \(what) in a pipe is decoded when its end has come; "
                    + "an interrupt (Ctrl-C) ends it, and what has come is used"
            )
            (window, lateFailure) = try Spool.read(bytes)
        }
        self.what = what
        self.window = window
        var ranges: [Range<Int64>] = [0..<window.count]
        switch Self.coding(window) {
        case .mpeg?:
            let scan = MPEGScan(window)
            (ranges, containerTruncation) = (scan.parts, scan.truncation)
        case .soundFile("Ogg")?:
            let scan = OggScan(window)
            (ranges, containerTruncation) = (scan.parts, scan.truncation)
        case .soundFile("FLAC")?: self.what = "FLAC"
        default: break
        }
        following = ranges.count > 1 ? .windows(Array(ranges.dropFirst())) : .nothing
        do { return try soundFile(ranges.count > 1 ? window.window(ranges[0]) : window) } catch {
            // An interrupt may come before any byte that can be decoded.
            if bytes.isInterrupted { return NoSamples(rate: rate) }
            throw error
        }
    }

    private func soundFile(_ window: FileWindow) throws(AudioError) -> SoundFile {
        try SoundFile(window, name: bytes.name, what: what, inform: options.inform)
    }

    /// The content of a window after its ID3 tag, or at its beginning.
    private static func coding(_ window: FileWindow) -> Content? {
        var offset: Int64 = 0
        var head = window.bytes(at: 0, 10)
        while head.count == 10, head.has("ID3") {
            offset += 10 + head[6...].reduce(0) { $0 << 7 | Int64($1 & 0x7F) } + (head[5] & 0x10 != 0 ? 10 : 0)
            head = window.bytes(at: offset, 10)
        }
        if let content = ContentIdentifier.byMagic(head[...]) { return content }
        do throws(AudioError) {
            return try ContentIdentifier.bySearch { (count) throws(AudioError) in window.bytes(at: offset, count) }
        } catch { return nil }
    }

    /// The next of several concatenated FLAC streams.
    private func flacBehind(_ file: SoundFile) -> FileWindow? {
        guard what == "FLAC", let window else { return nil }
        // The decoder reads blocks: the next stream may begin in the last of them.
        var position = max(4, file.furthest - 131_072)
        guard position < window.count else { return nil }
        // The first block is STREAMINFO, of 34 bytes.
        let magic = Array("fLaC".utf8) + [0, 0, 0, 34]
        while position < window.count {
            let piece = window.bytes(at: position, 65_536)
            if let found = piece.offset(of: magic) { return window.window(position + Int64(found)..<window.count) }
            // The magic may stand across two pieces.
            guard piece.count == 65_536 else { break }
            position += Int64(piece.count - magic.count + 1)
        }
        return nil
    }
}

/// An input that was interrupted before its first sample.
private final class NoSamples: SampleSource {
    let sampleRate: Int
    let channels = 1
    let length: Int64? = nil

    init(rate: Int) { sampleRate = rate }

    func read(into samples: inout [Float]) -> Int { 0 }
}
