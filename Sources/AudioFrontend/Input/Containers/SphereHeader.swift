/// The header of a NIST SPHERE file, as TIMIT's: lines of text, filled up to a multiple of 1024 bytes.
enum SphereHeader {
    // Invariant: the length of the header is checked, and a count of samples is below 2^40, with at most 2^11 bytes
    // each.
    static func read(_ reader: inout HeaderReader) throws(AudioError) -> SoundHeader {
        let first = try reader.take(1024)
        var text = String(decoding: first, as: UTF8.self)
        let lines = text.split(separator: "\n", maxSplits: 2)
        guard lines.count == 3, let size = Int(lines[1].filter { $0 != " " }), (1024...65_536).contains(size) else {
            throw reader.damaged("no length")
        }
        text += String(decoding: try reader.take(size - 1024), as: UTF8.self)
        var fields: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            if line == "end_head" { break }
            let words = line.split(separator: " ", maxSplits: 2)
            if words.count == 3 { fields[words[0]] = words[2] }
        }
        guard let rate = fields["sample_rate"].flatMap({ Int($0) }), let channels = Int(fields["channel_count"] ?? "1")
        else { throw reader.damaged("no sample rate") }
        let width = Int(fields["sample_n_bytes"] ?? "2") ?? 0
        let format = format(fields["sample_coding"] ?? "pcm", width: width, order: fields["sample_byte_format"] ?? "01")
        let bytes = fields["sample_count"].flatMap { Int64($0) }.flatMap { (count) -> Int64? in
            guard count > 0, count < 1 << 40, (1...8).contains(width), (1...256).contains(channels) else { return nil }
            return count * Int64(width * channels)
        }
        return SoundHeader(
            layout: format.map { PCMLayout(format: $0, sampleRate: rate, channels: channels, size: bytes) },
            end: bytes.map { Int64(size) + $0 })
    }

    private static func format(_ coding: Substring, width: Int, order: Substring) -> SampleFormat? {
        let isBig = order == "10" || order == "210" || order == "3210"
        return switch (coding, width) {
        case ("ulaw", _), ("mu-law", _): .mulaw
        case ("alaw", _): .alaw
        case ("pcm", 1): .s8
        case ("pcm", 2): isBig ? .s16be : .s16le
        case ("pcm", 3): isBig ? .s24be : .s24le
        case ("pcm", 4): isBig ? .s32be : .s32le
        default: nil
        }
    }
}
