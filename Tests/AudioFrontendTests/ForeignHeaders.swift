import TestSupport

/// Beginnings of files that are no audio of a decoded kind, from the descriptions of their formats.
enum ForeignHeaders {
    /// Headers with fixed bytes at the beginning, as characters of U+0000 to U+00FF.
    private static let texts: [(name: String, bytes: String)] = [
        // Archives and compressed files.
        ("gzip", "\u{1F}\u{8B}\u{8}\u{0}\u{1}\u{2}\u{3}\u{4}\u{0}\u{3}"),
        ("gzip with a name", "\u{1F}\u{8B}\u{8}\u{8}\u{1}\u{2}\u{3}\u{4}\u{2}\u{FF}a.wav\u{0}"),
        ("gzip with a field", "\u{1F}\u{8B}\u{8}\u{4}\u{1}\u{2}\u{3}\u{4}\u{0}\u{3}\u{2}\u{0}ab"),
        ("bzip2", "BZh91AY&SY"),
        ("LZMA", "]\u{0}\u{0}\u{80}\u{0}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{0}"),
        ("compress", "\u{1F}\u{9D}\u{90}R\u{92}\u{18}"), ("LZ4", "\u{4}\"M\u{18}"), ("lzip", "LZIP\u{1}"),
        ("RAR", "Rar!\u{1A}\u{7}\u{1}\u{0}"), ("ar", "!<arch>\ndebian-binary   "), ("cpio", "0707010000A1B2"),
        ("RPM", "\u{ED}\u{AB}\u{EE}\u{DB}\u{3}\u{0}"), ("cabinet", "MSCF\u{0}\u{0}\u{0}\u{0}"),
        ("LHA", "$[-lh5-\u{E8}\u{3}\u{0}\u{0}\u{B8}\u{B}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0} \u{1}\u{5}"),
        ("empty ZIP", "PK\u{5}\u{6}\u{0}\u{0}"), ("SquashFS", "hsqs\u{5}\u{0}"),
        // Pictures.
        ("JPEG with a profile", "\u{FF}\u{D8}\u{FF}\u{E2}\u{1}\u{10}ICC_PROFILE"),
        ("JPEG with a comment", "\u{FF}\u{D8}\u{FF}\u{FE}\u{0}\u{10}"),
        (
            "BMP",
            "BM6\u{4E}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}6\u{0}\u{0}\u{0}(\u{0}\u{0}\u{0}d\u{0}\u{0}\u{0}B\u{0}\u{0}\u{0}"
        ),
        (
            "icon",
            "\u{0}\u{0}\u{1}\u{0}\u{1}\u{0}\u{10}\u{10}\u{0}\u{0}\u{1}\u{0} \u{0}h\u{4}\u{0}\u{0}\u{16}\u{0}\u{0}\u{0}"
        ),
        ("TIFF", "MM\u{0}*\u{0}\u{0}\u{0}\u{8}"), ("PNM", "P5\n640 480\n255\n"), ("PNM", "P6 64 48 255\n"),
        ("JPEG 2000", "\u{0}\u{0}\u{0}\u{C}jP  \r\n"), ("OpenEXR", "v/1\u{1}\u{2}\u{0}"),
        ("Photoshop", "8BPS\u{0}\u{1}"),
        // Documents and data.
        ("Office", "\u{D0}\u{CF}\u{11}\u{E0}\u{A1}\u{B1}\u{1A}\u{E1}"), ("RTF", "{\\rtf1\\ansi "),
        ("HDF5", "\u{89}HDF\r\n\u{1A}\n"),
        ("NetCDF", "CDF\u{1}"), ("GRIB", "GRIB\u{0}\u{0}"), ("Parquet", "PAR1\u{15}\u{4}"), ("Avro", "Obj\u{1}\u{4}"),
        ("GGUF", "GGUF\u{3}\u{0}"), ("TFLite", "\u{1C}\u{0}\u{0}\u{0}TFL3"), ("property list", "bplist00"),
        ("pickle", "\u{80}\u{4}\u{95}\u{10}\u{20}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}]"),
        ("old pickle", "\u{80}\u{2}]q\u{0}("),
        ("Python bytecode", "U\u{D}\r\n\u{0}\u{0}\u{0}\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\u{9}"),
        ("Safetensors", "\u{3C}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}{\"weight\":{\"dtype\":\"F32\",\"shape\":[2,2]}}"),
        ("glTF", "glTF\u{2}\u{0}\u{0}\u{0}"),
        ("JSON behind a length", "\u{3C}\u{0}\u{0}\u{0}{\"name\":\"a\",\"kind\":\"f32\"}"),
        ("JSON before binary", "{\"sample_rate\": 16000, \"channels\": 1}\n"),
        ("text before binary", "Recorded by my program\n\n"),
        ("PCAP", "\u{D4}\u{C3}\u{B2}\u{A1}\u{2}\u{0}"), ("certificate", "0\u{82}\u{4}\u{A4}0\u{82}\u{3}\u{8C}"),
        ("multipart", "------------f0a2c\r\nContent-Disposition: form-data\r\n\r\nRIFF"),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}"),
        ("HTTP request", "GET /v1/models HTTP/1.1\r\n"), ("Icecast", "ICY 200 OK\r\n"),
        // Programs.
        ("Mach-O", "\u{CF}\u{FA}\u{ED}\u{FE}"), ("Java", "\u{CA}\u{FE}\u{BA}\u{BE}"),
        ("WebAssembly", "\u{0}asm\u{1}\u{0}"),
        ("font", "\u{0}\u{1}\u{0}\u{0}\u{0}\u{C}\u{0}\u{80}\u{0}\u{3}\u{0}\u{40}"), ("WOFF", "wOF2\u{0}\u{1}"),
        (
            "DOS program",
            "MZP\u{0}\u{2}\u{0}\u{0}\u{0}\u{4}\u{0}\u{F}\u{0}\u{FF}\u{FF}\u{0}\u{0}\u{B8}"
                + "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}@\u{0}"
        ),
        // Sound and video.
        ("MP4 with a long size", "\u{0}\u{0}\u{0}\u{1}ftyp\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0} isom"),
        ("QuickTime", "\u{0}\u{0}\u{0}\u{8}wide\u{0}\u{1}\u{2}\u{3}mdat"), ("QuickTime", "\u{0}\u{0}\u{8}\u{0}moov"),
        ("fragments", "\u{0}\u{0}\u{0}\u{18}stypmsdh"), ("Musepack 4", "MP+\u{4}\u{1}\u{2}\u{0}\u{0}"),
        ("Musepack 5", "MP+\u{5}\u{1}\u{2}\u{0}\u{0}"), ("Musepack 7", "MP+\u{27}\u{1}\u{2}\u{0}\u{0}"),
        ("Musepack 5 without a magic", "\u{1}\u{2D}\u{0}\u{0}\u{C4}\u{9}\u{0}\u{0}"),
        ("Musepack 4 without a magic", "\u{1}\u{25}\u{0}\u{5A}\u{0}\u{0}\u{C4}\u{9}"), ("SILK", "\u{2}#!SILK_V3"),
        ("OMA", "ea3\u{3}\u{0}"), ("TAK", "tBaK\u{1}"), ("DTS", "\u{FE}\u{7F}\u{1}\u{80}"),
        ("XM", "Extended Module: a"),
        ("TrueHD", "\u{C0}\u{60}\u{0}\u{0}\u{F8}ro\u{BA}"), ("MPEG video", "\u{0}\u{0}\u{1}\u{B3}\u{14}\u{0}"),
        ("MXF", "\u{6}\u{E}+4\u{2}\u{5}\u{1}\u{1}"), ("RMID", "RIFF\u{0}\u{8}\u{0}\u{0}RMIDdata"),
        ("AppleDouble", "\u{0}\u{5}\u{16}\u{7}\u{0}\u{2}"),
    ]

    /// Every header, with noise behind it.
    static var all: [(String, [UInt8])] {
        var random = SplitMix64(seed: 73)
        let noise = (0..<6_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }
        return (texts.map { ($0.name, bytes($0.bytes)) } + fields + marked).map { ($0.0, $0.1 + noise) }
    }

    /// Headers whose fields stand far behind the beginning, or depend on each other.
    private static var fields: [(String, [UInt8])] {
        func big(_ value: Int) -> [UInt8] { WaveBytes.little(UInt64(value), 4).reversed() }
        func little(_ value: Int) -> [UInt8] { WaveBytes.little(UInt64(value), 4) }
        var tar = [UInt8](repeating: 0, count: 512)
        tar.replaceSubrange(0..<9, with: Array("sound.wav".utf8))
        tar.replaceSubrange(100..<108, with: Array("0000644\0".utf8))
        tar.replaceSubrange(124..<136, with: Array("00000013560\0".utf8))
        tar.replaceSubrange(148..<156, with: Array("        ".utf8))
        let sum = String(tar.reduce(0) { $0 + Int($1) }, radix: 8)
        tar.replaceSubrange(148..<156, with: Array(("000000" + sum).suffix(6).utf8) + [0, 0x20])
        var ustar = tar
        ustar.replaceSubrange(257..<265, with: Array("ustar\u{0}00".utf8))
        func matlab(_ kind: [UInt8], _ name: String, _ number: (Int) -> [UInt8]) -> [UInt8] {
            kind + number(1) + number(500) + number(0) + number(name.utf8.count + 1) + Array(name.utf8) + [0]
        }
        var macBinary = [UInt8](repeating: 0, count: 128)
        macBinary.replaceSubrange(1..<7, with: [5] + Array("sound".utf8))
        macBinary.replaceSubrange(65..<73, with: Array("Sd2fSd2a".utf8))
        macBinary.replaceSubrange(83..<91, with: big(20_000) + big(1_000))
        let zeros = [UInt8](repeating: 0, count: 128)
        return [
            ("tar", ustar), ("old tar", tar), ("MATLAB 4", matlab(little(0), "x", little)),
            ("MATLAB 4, integers", matlab(little(30), "signal", little)),
            ("MATLAB 4, big-endian", matlab(big(1000), "y", big)),
            ("resource fork", big(256) + big(1256) + big(1000) + big(300)), ("MacBinary", macBinary),
            ("DICOM", zeros + Array("DICM".utf8)), ("M2TS", transport(192)), ("MPEG-TS", transport(188)),
            ("MPEG-TS from the middle", Array(transport(188).dropFirst(77))), ("LATM", latm),
        ]
    }

    private static func transport(_ size: Int) -> [UInt8] {
        var random = SplitMix64(seed: 74)
        let packets: [[UInt8]] = (0..<40).map { _ in
            var packet = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            packet.replaceSubrange(size - 188..<size - 184, with: [0x47, 0x40, 0, 0x10])
            return packet
        }
        return Array(packets.joined())
    }

    private static var latm: [UInt8] {
        var random = SplitMix64(seed: 75)
        let frames = (0..<20).map { _ in
            [0x56, 0xE0, 200] + (0..<200).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        }
        return Array(frames.joined())
    }

    /// Known recordings behind bytes that do not belong to them.
    private static var marked: [(String, [UInt8])] {
        let wave = WaveBytes(data: [UInt8](repeating: 1, count: 500)).bytes
        let ogg = Array("OggS".utf8) + [0, 2] + [UInt8](repeating: 0, count: 22)
        let marks: [(String, [UInt8])] = [
            ("a mark of UTF-8", [0xEF, 0xBB, 0xBF]), ("a mark of UTF-16", [0xFF, 0xFE]), ("a line", [13, 10]),
            ("a zero", [0]),
        ]
        return marks.flatMap { [("WAV behind \($0.0)", $0.1 + wave), ("Ogg behind \($0.0)", $0.1 + ogg)] }
    }
}
