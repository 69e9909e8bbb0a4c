internal import Glibc
internal import StrictCoding

/// The sources of an input's samples: usually one, several for concatenated recordings.
///
/// The bytes of every kind of input (a file, standard input, a FIFO, a socket, an upload) are identified here, by their
/// content.
final class AudioParts {
    /// The data after the present source.
    private enum Following {
        case nothing
        /// Parts of a window, for libsndfile; then another kind of recording, at an offset of the window.
        case windows([FileWindow], rest: Int64?)
        /// Chunks after samples, or another recording; from this offset of a regular file.
        case chunks(ChunkWalk, end: Int64?)
    }

    /// The bytes of the present source: the input's, or those of the temporary file that keeps a pipe's.
    private var bytes: ByteStream
    private let input: ByteStream
    private let options: InputOptions
    private let rate: Int
    private var following = Following.nothing
    /// All bytes that libsndfile reads.
    private var window: FileWindow?
    private var what = ""
    /// The offset of a FLAC's first frame in the window. A header may hold that of another file.
    private var firstFrame: Int64 = 0
    /// Error to throw after the kept part of a stream has been read.
    private var lateFailure: AudioError?
    /// The missing end, as found by a scan of the container.
    private var containerTruncation: String?
    private(set) var source: any SampleSource
    /// Warnings of the recording so far, in their order.
    private(set) var warnings: [String] = []

    /// - Parameter rate: the rate of raw PCM if the options have none.
    init(_ bytes: ByteStream, rate: Int, options: InputOptions) throws(AudioError) {
        self.bytes = bytes
        input = bytes
        self.rate = rate
        self.options = options
        source = Silence(rate: rate)
        source = try first()
    }

    /// Whether the interrupt has ended the bytes.
    var isInterrupted: Bool { input.isInterrupted }

    /// The next source, once the present one has ended; `nil` at the end.
    func next() throws(AudioError) -> (any SampleSource)? {
        let present = following
        following = .nothing
        switch present {
        case .nothing:
            if what == "FLAC", let window, let file = source as? SoundFile,
                // The decoder reads blocks: the next recording may begin in the last of them.
                let offset = RecordingSearch.offset(in: window, from: max(firstFrame, file.furthest - 131_072))
            {
                return try recording(window, offset)
            }
            if bytes.fileSize == nil { try drain() }
        case .windows(let windows, let rest):
            guard let next = windows.first else {
                guard let window, let rest else { break }
                return try recording(window, rest)
            }
            following = .windows(Array(windows.dropFirst()), rest: rest)
            source = try soundFile(next)
            return source
        case .chunks(let walk, let end):
            if let end { bytes.seek(to: end) }
            if let next = try behind(walk) {
                source = next
                return next
            }
        }
        if let lateFailure { throw lateFailure }
        return nil
    }

    /// The missing part, if the input has ended before the length in its header or the end mark of its container.
    var truncation: String? {
        if isInterrupted { return nil }
        if let stream = source as? PCMStream {
            return stream.missing > 0 ? Self.promised(stream.missing, "byte") : containerTruncation
        }
        if let containerTruncation { return containerTruncation }
        guard what == "FLAC", let file = source as? SoundFile, file.missing > 0 else { return nil }
        return file.length == nil ? "it ends inside a frame" : Self.promised(file.missing, "sample")
    }

    private static func promised(_ count: Int64, _ unit: String) -> String {
        "its header promises \(Quantity.text(count, unit)) more"
    }

    /// Keeps a warning of the recording, and hands it to the caller.
    func warn(_ sentence: String) {
        let warning = "\(bytes.name): \(sentence)"
        warnings.append(warning)
        options.warn(warning)
    }

    // MARK: Other recordings behind the first

    /// Begins the recording at an offset of a window whose decoder has ended.
    private func recording(_ window: FileWindow, _ offset: Int64) throws(AudioError) -> any SampleSource {
        if let file = source as? SoundFile, what == "FLAC", file.missing > 0 {
            containerTruncation =
                file.length == nil
                ? "its part 1 ends inside a frame"
                : "the header of its part 1 promises \(Quantity.text(file.missing, "sample")) more"
        }
        bytes = try window.stream(at: offset, of: input)
        let content = try ContentIdentifier.identify(bytes.peek)
        guard let content else { throw unknownRest(nil) }
        source = try begin(content)
        return source
    }

    /// The recording behind samples, or more samples of a WAV. Other chunks are read and ignored, so that a pipe's
    /// writer does not fail.
    private func behind(_ walk: ChunkWalk) throws(AudioError) -> (any SampleSource)? {
        var walk = walk
        let finding = try walk.next(bytes)
        if let remark = walk.remark { warn(remark) }
        switch finding {
        case .end: break
        case .cut: containerTruncation = "it ends inside the header of a block"
        case .recording(let content): return try begin(content)
        case .samples(let layout):
            let size = layout.size ?? 0
            following = .chunks(walk, end: bytes.fileSize == nil ? nil : bytes.position + size)
            return try PCMStream(bytes, layout)
        case .silence(let silence):
            following = .chunks(walk, end: nil)
            return try Silence(silence, channels: source.channels, of: bytes.name)
        case .foreign(let name): throw unknownRest(name)
        case .unknown:
            let position = bytes.position
            let count = bytes.fileSize == nil ? try drain() : max(0, bytes.fileEnd - position)
            if count >= Self.worthWarning {
                warn(
                    "\(count) bytes behind the samples, from byte \(position) on, are no audio of a "
                        + "known kind and were not used"
                        + (count < 1 << 32 - 1 << 20 ? "" : "; has the header's size wrapped at 4 GiB?")
                )
            }
        }
        return nil
    }

    /// Smaller rests are tags and the like.
    private static let worthWarning: Int64 = 4096

    private func unknownRest(_ name: String?) -> AudioError {
        AudioError(
            .decode,
            "\(bytes.name): from byte \(bytes.position) on, it is \(name ?? "no audio of a known kind"), which is not "
                + "decoded here; what came before was used; \(options.advice.conversion(of: bytes.file))")
    }

    // MARK: Identifying

    private func first() throws(AudioError) -> any SampleSource {
        guard options.container != .raw else { return try raw() }
        let head = try bytes.peek(ContentIdentifier.headLength)
        if isInterrupted { return try raw() }
        guard !head.isEmpty else {
            let what =
                bytes.fileSize == nil
                ? "there is no byte in it; the program that writes it may have failed" : "the file is empty"
            throw AudioError(.decode, "\(bytes.name): \(what)")
        }
        var content = ContentIdentifier.byMagic(head[...])
        if options.container == .wav {
            guard content == .header(.wave) else {
                throw AudioError(
                    .decode,
                    "\(bytes.name): the stream does not begin with a WAV header; "
                        + "raw PCM needs \(options.advice.rawPCM)"
                )
            }
        }
        let isRaw = options.sampleFormat != nil || options.sampleRate != nil
        if content == nil {
            content =
                isRaw ? try ContentIdentifier.framesInRaw(head, bytes.peek) : try ContentIdentifier.bySearch(bytes.peek)
        }
        switch content {
        case .foreign where isRaw: return try raw()
        case let content?: return try begin(content)
        case nil:
            if isRaw || options.acceptsRawPCM { return try raw() }
            throw AudioError(
                .decode,
                "\(bytes.name): is no audio of a known kind; \(options.advice.conversion(of: bytes.file)). "
                    + "Raw PCM needs \(options.advice.rawPCM)")
        }
    }

    private func begin(_ content: Content) throws(AudioError) -> any SampleSource {
        switch content {
        case .header(let kind): return try headed(kind)
        case .soundFile(let name): return try decoded(name)
        case .mpeg(let offset):
            if offset > 0 {
                warn("its first MP3 frame begins at byte \(offset), where it is read from")
                _ = try bytes.skip(Int64(offset))
            }
            return try decoded("MP3")
        case .foreign(let name):
            throw AudioError(
                .decode,
                "\(bytes.name): is \(name), which is not decoded here; if there is sound in it, "
                    + options.advice.conversion(of: bytes.file))
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
            if isInterrupted { return try raw() }
            throw error
        }
        if let remark = header.remark { warn(remark) }
        if let silence = header.silence {
            following = .chunks(ChunkWalk(kind, after: header), end: nil)
            return try Silence(silence, channels: 1, of: bytes.name)
        }
        guard let layout = header.layout else {
            let source = try decoded(kind.name)
            if let end = header.end, let window {
                if end > window.count { containerTruncation = Self.promised(end - window.count, "byte") }
                if end < window.count {
                    // The recording behind it is in the same window.
                    bytes = try window.stream(at: 0, of: input)
                    following = .chunks(ChunkWalk(kind, after: header), end: bytes.position + end)
                }
            }
            return source
        }
        if let size = layout.size {
            following = .chunks(
                ChunkWalk(kind, after: header), end: bytes.fileSize == nil ? nil : bytes.position + size)
        }
        return try PCMStream(bytes, layout)
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
            // Of the pipe, and not of the recording.
            options.warn(
                "\(bytes.name): \(what) in a pipe is decoded when its end has come; "
                    + "an interrupt (Ctrl-C) ends it, and what has come is used"
            )
            (window, lateFailure) = try Spool.read(bytes)
        }
        let scan = ContainerScan(window, what)
        self.what = scan.what
        self.window = window
        firstFrame = scan.firstFrame
        if let gap = scan.gaps.first {
            let more = scan.gaps.count - 1
            let others = more == 0 ? "" : ", and those of \(Quantity.text(more, "further place")),"
            warn("\(gap.count) bytes from byte \(gap.lowerBound) on\(others) are no MP3 frames and were left out")
        }
        containerTruncation = scan.truncation ?? containerTruncation
        let isWhole = scan.parts == [0..<window.count] && scan.prefixes?.first?.isEmpty ?? true
        let windows =
            isWhole
            ? [window]
            : scan.parts.enumerated().map { window.window($1, behind: scan.prefixes?[$0] ?? []) }
        if windows.count > 1 || scan.rest != nil {
            following = .windows(Array(windows.dropFirst()), rest: scan.rest)
        }
        do {
            let file = try soundFile(windows[0])
            file.lengthByLastFrame = scan.length
            return file
        } catch {
            // An interrupt may come before any byte that can be decoded.
            if isInterrupted { return Silence(rate: rate) }
            // The mark at the beginning of UTF-16 is also that of a frame of MPEG audio.
            if let truncation = scan.truncation, !WideText.isWide(window.bytes(at: 0, 512)) {
                throw AudioError(
                    error.code,
                    "\(bytes.name): no sound in \(what) can be decoded, because the input is cut: \(truncation); copy "
                        + "it again from where it comes from")
            }
            throw error
        }
    }

    private func soundFile(_ window: FileWindow) throws(AudioError) -> SoundFile {
        try SoundFile(window, name: bytes.name, file: bytes.file, what: what, options)
    }
}
