import AudioFrontend

/// Containers of a header and samples, byte by byte, from their descriptions.
enum HeaderBytes: String, CaseIterable {
    case sun, sunLittle, aiff, aiffLittle, coreAudio, wave64, sphere, ircam, voice

    /// The format of the samples.
    var format: SampleFormat {
        switch self {
        case .sun, .aiff, .ircam: .s16be
        case .aiffLittle, .wave64, .sphere, .voice: .s16le
        case .sunLittle: .f32le
        case .coreAudio: .s24be
        }
    }

    /// Whether the header states the number of samples.
    var statesSize: Bool { self != .ircam }

    func bytes(_ data: [UInt8], rate: Int, channels: Int) -> [UInt8] {
        let frame = format.bytesPerSample * channels
        switch self {
        case .sun:
            return text(".snd") + big(32, 4) + big(data.count, 4) + big(3, 4) + big(rate, 4) + big(channels, 4)
                + text("comment.") + data
        case .sunLittle:
            return text("dns.") + [24, 0, 0, 0] + big(data.count, 4).reversed() + [6, 0, 0, 0]
                + big(rate, 4).reversed() + big(channels, 4).reversed() + data
        case .aiff:
            let body = chunk("COMM", description(data, frame, rate, channels)) + chunk("SSND", big(0, 8) + data)
            return text("FORM") + big(4 + body.count, 4) + text("AIFF") + body
        case .aiffLittle:
            let body =
                chunk("FVER", big(0xA280_5140, 4)) + chunk("NAME", text("odd"))
                + chunk("COMM", description(data, frame, rate, channels) + text("sowt") + [0, 0])
                + chunk("SSND", big(0, 8) + data)
            return text("FORM") + big(4 + body.count, 4) + text("AIFC") + body
        case .coreAudio:
            let desc =
                bits(Double(rate)) + text("lpcm") + big(0, 4) + big(frame, 4) + big(1, 4) + big(channels, 4)
                + big(24, 4)
            return text("caff") + [0, 1, 0, 0] + text("desc") + big(32, 8) + desc + text("free") + big(5, 8)
                + [1, 2, 3, 4, 5] + text("data") + big(4 + data.count, 8) + big(0, 4) + data
        case .wave64:
            let fmt =
                [1, 0] + little(channels, 2) + little(rate, 4) + little(rate * frame, 4) + little(frame, 2) + [16, 0]
            let tail: [UInt8] = [0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A]
            let riff: [UInt8] = [0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0x00, 0x00]
            return text("riff") + riff + little(104 + data.count, 8) + text("wave") + tail
                + text("fmt ") + tail + little(40, 8) + fmt + text("data") + tail + little(24 + data.count, 8) + data
        case .sphere:
            let head =
                "NIST_1A\n   1024\nsample_count -i \(data.count / frame)\nsample_n_bytes -i 2\n"
                + "channel_count -i \(channels)\nsample_byte_format -s2 01\nsample_rate -i \(rate)\n"
                + "sample_coding -s3 pcm\nend_head\n"
            return text(head) + [UInt8](repeating: 0x20, count: 1024 - head.utf8.count) + data
        case .ircam:
            let head = [0, 2, 0xA3, 0x64] + big(Int(Float(rate).bitPattern), 4) + big(channels, 4) + big(2, 4)
            return head + [UInt8](repeating: 0, count: 1024 - head.count) + data
        case .voice:
            let head = text("Creative Voice File\u{1A}") + [26, 0, 0x14, 1, 0x1F, 0x11]
            return head + [9] + little(12 + data.count, 3) + little(rate, 4)
                + [16, UInt8(channels), 4, 0, 0, 0, 0, 0] + data + [0]
        }
    }

    private func description(_ data: [UInt8], _ frame: Int, _ rate: Int, _ channels: Int) -> [UInt8] {
        // An extended number: a rate below 65536 has its bits at the top of the mantissa.
        let shift = rate.leadingZeroBitCount
        let extended = big(16_383 + 63 - shift, 2) + big(Int(bitPattern: UInt(rate) << UInt(shift)), 8)
        return big(channels, 2) + big(data.count / frame, 4) + big(16, 2) + extended
    }

    private func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
        text(name) + big(body.count, 4) + body + (body.count % 2 == 1 ? [0] : [])
    }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) }
    private func little(_ value: Int, _ count: Int) -> [UInt8] { WaveBytes.little(UInt64(value), count) }
    private func big(_ value: Int, _ count: Int) -> [UInt8] {
        WaveBytes.little(UInt64(bitPattern: Int64(value)), count).reversed()
    }
    private func bits(_ value: Double) -> [UInt8] { WaveBytes.little(value.bitPattern, 8).reversed() }
}
