extension Magic {
    // Invariant: these sums join lists.
    /// Formats without a decoder here.
    static let foreign: [Magic] =
        foreignRecordings + [pictures, archives, programs, data, messages, gapped].flatMap { $0 }

    /// Sound and video without a decoder here.
    static let foreignRecordings: [Magic] = sound + modules + video

    /// Magics of one kind: a name, a byte offset, and bytes as the characters U+0000 to U+00FF.
    private static func table(_ rows: [(name: String, offset: Int, bytes: String)]) -> [Magic] {
        rows.map { row in
            let bytes = row.bytes.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            return Magic(.foreign(row.name), (row.offset, bytes))
        }
    }

    private static let sound: [Magic] = table([
        ("SampleVision", 0, "SOUND SAMPLE DATA"), ("WavPack", 0, "wvpk"), ("Monkey's Audio", 0, "MAC "),
        ("Monkey's Audio", 0, "MACF"),
        ("RealMedia", 0, ".RMF"), ("RealAudio", 0, ".ra\u{FD}"), ("AMR", 0, "#!AMR"), ("SILK", 0, "#!SILK"),
        ("SILK", 1, "#!SILK"), ("EVRC", 0, "#!EVRC"), ("SMV", 0, "#!SMV"), ("DSF", 0, "DSD "), ("DSDIFF", 0, "FRM8"),
        ("MIDI", 0, "MThd"), ("Musepack", 0, "MPCK"), ("TTA", 0, "TTA1"), ("TTA", 0, "TTA2"), ("AAC (ADIF)", 0, "ADIF"),
        ("Shorten", 0, "ajkg"), ("OptimFROG", 0, "OFR "), ("TAK", 0, "tBaK"), ("MPEG-4 ALS", 0, "ALS\u{0}"),
        ("LPAC", 0, "LPAC"), ("La", 0, "LA02"), ("La", 0, "LA03"), ("La", 0, "LA04"), ("RK Audio", 0, "RKA7"),
        ("Bonk", 0, "\u{0}BONK"), ("ATRAC (OMA)", 0, "ea3\u{3}"), ("ATRAC (OMA)", 0, "EA3\u{1}"),
        ("DTS", 0, "\u{7F}\u{FE}\u{80}\u{1}"), ("DTS", 0, "\u{FE}\u{7F}\u{1}\u{80}"),
        ("DTS", 0, "\u{1F}\u{FF}\u{E8}\u{0}\u{7}"), ("DTS", 0, "\u{FF}\u{1F}\u{0}\u{E8}"), ("DTS-HD", 0, "DTSHDHDR"),
        ("Dolby TrueHD", 4, "\u{F8}\u{72}\u{6F}\u{BA}"), ("MLP", 4, "\u{F8}\u{72}\u{6F}\u{BB}"),
        ("Codec 2", 0, "\u{C0}\u{DE}\u{C2}\u{0}"), ("a sound of Macintosh (HCOM)", 65, "FSSD"),
        ("a SoundTool file", 0, "SOUND\u{1A}"), ("a Yamaha TX-16W wave", 0, "LM8953"),
        ("a module (XM)", 0, "Extended Module:"), ("a module (IT)", 0, "IMPM"), ("a module (S3M)", 44, "SCRM"),
        ("a SID tune", 0, "PSID\u{0}"), ("a SID tune", 0, "RSID\u{0}"), ("an SPC tune", 0, "SNES-SPC700"),
        ("an NSF tune", 0, "NESM\u{1A}"), ("a VGM tune", 0, "Vgm "), ("a GBS tune", 0, "GBS\u{1}"),
        ("Gravis patches", 0, "GF1PATCH1"), ("a bank of XACT", 0, "WBND"), ("a bank of FMOD", 0, "FSB5"),
        ("Wwise audio", 0, "BKHD"), ("a CRI stream", 0, "CRID"), ("a bank of HCA", 0, "HCA\u{0}"),
        ("a Nintendo stream", 0, "RSTM"), ("a Nintendo stream", 0, "CSTM"), ("VAG", 0, "VAGp"),
        ("a Psion record", 0, "\u{37}\u{0}\u{0}\u{10}\u{6D}\u{0}\u{0}\u{10}"),
    ])

    /// Amiga modules name their kind behind the samples' list.
    private static let modules = table(
        ["M.K.", "M!K!", "FLT4", "FLT8", "4CHN", "6CHN", "8CHN", "CD81", "OKTA"].map { ("a module (MOD)", 1080, $0) })

    private static let video: [Magic] =
        table(["ftyp", "moov", "moof", "mdat", "styp", "sidx", "wide", "pnot"].map { ("MP4 or M4A", 4, $0) })
        + table(["free", "skip"].map { ("MP4 or M4A", 4, $0) })
        + table([
            ("Matroska or WebM", 0, "\u{1A}\u{45}\u{DF}\u{A3}"),
            ("ASF or WMA", 0, "\u{30}\u{26}\u{B2}\u{75}\u{8E}\u{66}\u{CF}\u{11}"),
            ("an MPEG program stream", 0, "\u{0}\u{0}\u{1}\u{BA}"), ("MPEG video", 0, "\u{0}\u{0}\u{1}\u{B3}"),
            ("H.264 video", 0, "\u{0}\u{0}\u{0}\u{1}\u{67}\u{42}"),
            ("H.264 video", 0, "\u{0}\u{0}\u{0}\u{1}\u{67}\u{4D}"),
            ("H.264 video", 0, "\u{0}\u{0}\u{0}\u{1}\u{67}\u{64}"),
            ("H.264 video", 0, "\u{0}\u{0}\u{0}\u{1}\u{9}\u{10}"),
            ("H.264 video", 0, "\u{0}\u{0}\u{1}\u{67}\u{42}"),
            ("H.264 video", 0, "\u{0}\u{0}\u{1}\u{67}\u{4D}"), ("H.264 video", 0, "\u{0}\u{0}\u{1}\u{67}\u{64}"),
            ("H.265 video", 0, "\u{0}\u{0}\u{0}\u{1}\u{40}\u{1}"),
            ("AVI", 8, "AVI LIST"), ("a RIFF file that is no WAV", 0, "RIFF"), ("IVF", 0, "DKIF"),
            ("Bink", 0, "BIKi"), ("Smacker", 0, "SMK2"), ("Smacker", 0, "SMK4"), ("NUT", 0, "nut/multimedia container"),
            ("MXF", 0, "\u{6}\u{E}\u{2B}\u{34}\u{2}\u{5}\u{1}\u{1}"), ("YUV4MPEG", 0, "YUV4MPEG2 "),
            ("WTV", 0, "\u{B7}\u{D8}\u{0}\u{20}\u{37}\u{49}\u{DA}\u{11}"),
            ("GXF", 0, "\u{0}\u{0}\u{0}\u{0}\u{1}\u{BC}"),
            ("DV", 0, "\u{1F}\u{7}\u{0}\u{3F}"),
        ])

    private static let pictures: [Magic] = table([
        ("PNG", 0, "\u{89}PNG\r\n\u{1A}\n"), ("MNG", 0, "\u{8A}MNG\r\n\u{1A}\n"), ("GIF", 0, "GIF8"),
        ("TIFF", 0, "II*\u{0}"), ("TIFF", 0, "MM\u{0}*"), ("TIFF", 0, "II+\u{0}"), ("TIFF", 0, "MM\u{0}+"),
        ("JPEG XR", 0, "II\u{BC}\u{1}"), ("a raw photograph", 0, "IIU\u{0}"),
        ("a raw photograph", 0, "FUJIFILMCCD-RAW"),
        ("JPEG 2000", 0, "\u{0}\u{0}\u{0}\u{C}jP  "), ("JPEG 2000", 0, "\u{FF}\u{4F}\u{FF}\u{51}"),
        ("JPEG XL", 0, "\u{0}\u{0}\u{0}\u{C}JXL "), ("a Photoshop picture", 0, "8BPS"), ("OpenEXR", 0, "\u{76}/1\u{1}"),
        ("DDS", 0, "DDS "), ("KTX", 0, "\u{AB}KTX "), ("QOI", 0, "qoif"), ("FLIF", 0, "FLIF"), ("BPG", 0, "BPG\u{FB}"),
        ("a GIMP picture", 0, "gimp xcf"), ("DjVu", 0, "AT&TFORM"), ("WMF", 0, "\u{D7}\u{CD}\u{C6}\u{9A}"),
        ("DICOM", 128, "DICM"), ("NIfTI", 344, "n+1\u{0}"), ("a Sun raster", 0, "\u{59}\u{A6}\u{6A}\u{95}"),
        ("a Blender scene", 0, "BLENDER"), ("glTF", 0, "glTF"), ("FBX", 0, "Kaydara FBX"), ("DWG", 0, "AC10"),
    ])

    private static let archives: [Magic] = table([
        ("a ZIP archive", 0, "PK\u{3}\u{4}"), ("a ZIP archive", 0, "PK\u{5}\u{6}"),
        ("a ZIP archive", 0, "PK\u{7}\u{8}"),
        ("a RAR archive", 0, "Rar!\u{1A}"), ("a 7z archive", 0, "7z\u{BC}\u{AF}\u{27}\u{1C}"),
        ("an xz file", 0, "\u{FD}7zXZ\u{0}"), ("a Zstandard file", 0, "\u{28}\u{B5}\u{2F}\u{FD}"),
        ("an LZ4 file", 0, "\u{4}\u{22}\u{4D}\u{18}"), ("an LZ4 file", 0, "\u{2}\u{21}\u{4C}\u{18}"),
        ("an lzip file", 0, "LZIP\u{1}"), ("an lzop file", 0, "\u{89}LZO\u{0}\r\n\u{1A}\n"),
        ("a Snappy file", 0, "\u{FF}\u{6}\u{0}\u{0}sNaPpY"), ("an ar archive", 0, "!<arch>\n"),
        ("an ar archive", 0, "!<thin>\n"), ("a cpio archive", 0, "070701"), ("a cpio archive", 0, "070702"),
        ("a cpio archive", 0, "070707"), ("an RPM package", 0, "\u{ED}\u{AB}\u{EE}\u{DB}"),
        ("a cabinet", 0, "MSCF\u{0}"),
        ("a cabinet", 0, "ISc("), ("a StuffIt archive", 0, "StuffIt "), ("a StuffIt archive", 0, "SIT!"),
        ("a xar archive", 0, "xar!"),
        ("an ACE archive", 7, "**ACE**"), ("a tar archive", 257, "ustar"),
        ("a ZOO archive", 20, "\u{DC}\u{A7}\u{C4}\u{FD}"),
        ("a SquashFS image", 0, "hsqs"), ("a cramfs image", 0, "\u{45}\u{3D}\u{CD}\u{28}"),
        ("a QEMU image", 0, "QFI\u{FB}"),
        ("a VMware image", 0, "KDMV"), ("a VirtualBox image", 64, "\u{7F}\u{10}\u{DA}\u{BE}"),
        ("a disk image", 0, "conectix"), ("a disk image", 0, "vhdxfile"), ("a disk image", 512, "EFI PART"),
        ("a disk image", 3, "NTFS    "), ("a disk image", 54, "FAT1"), ("a disk image", 82, "FAT32"),
        ("a disk image", 3, "EXFAT   "), ("a WIM image", 0, "MSWIM\u{0}\u{0}\u{0}"),
        ("a LUKS volume", 0, "LUKS\u{BA}\u{BE}"),
    ])

    private static let programs: [Magic] = table([
        ("an ELF program", 0, "\u{7F}ELF"), ("a Mach-O program", 0, "\u{CF}\u{FA}\u{ED}\u{FE}"),
        ("a Mach-O program", 0, "\u{CE}\u{FA}\u{ED}\u{FE}"), ("a Mach-O program", 0, "\u{FE}\u{ED}\u{FA}\u{CF}"),
        ("a Mach-O program", 0, "\u{FE}\u{ED}\u{FA}\u{CE}"), ("a Java class", 0, "\u{CA}\u{FE}\u{BA}\u{BE}"),
        ("a Java package", 0, "\u{CA}\u{FE}\u{D0}\u{D}"), ("WebAssembly", 0, "\u{0}asm"),
        ("a dex program", 0, "dex\n0"),
        ("LLVM bitcode", 0, "BC\u{C0}\u{DE}"), ("LLVM bitcode", 0, "\u{DE}\u{C0}\u{17}\u{B}"),
        ("Lua bytecode", 0, "\u{1B}Lua"), ("an NES program", 0, "NES\u{1A}"),
        ("a device tree", 0, "\u{D0}\u{D}\u{FE}\u{ED}"),
        ("a U-Boot image", 0, "\u{27}\u{5}\u{19}\u{56}"), ("an Android image", 0, "ANDROID!"),
        ("UF2", 0, "UF2\nWQ]\u{9E}"),
        ("a Windows dump", 0, "MDMP"), ("a Linux kernel", 514, "HdrS"),
        ("a Swift module", 0, "\u{E2}\u{9C}\u{A8}\u{E}"),
        ("Erlang bytecode", 0, "FOR1"), ("a script", 0, "#!/bin/"),
        ("a script", 0, "#!/usr/bin/"), ("a font", 0, "wOFF"), ("a font", 0, "wOF2"), ("a font", 0, "OTTO\u{0}"),
        ("a font", 0, "ttcf\u{0}"), ("a font", 0, "true\u{0}"), ("a font", 0, "\u{1}fcp"),
        ("a font", 0, "\u{80}\u{1}%!"),
        ("a font", 6, "%!PS-Ado"), ("translations", 0, "\u{DE}\u{12}\u{4}\u{95}"),
        ("translations", 0, "\u{95}\u{4}\u{12}\u{DE}"),
    ])

    private static let data: [Magic] = table([
        ("FITS", 0, "SIMPLE  ="), ("NRRD", 0, "NRRD000"), ("PLY", 0, "ply\nformat"), ("MATLAB 7", 0, "MATLAB 7"),
        ("a Git index", 0, "\u{FF}tOc"), ("an APE tag", 0, "APETAGEX"), ("an icon", 0, "icns"),
        ("a Java module", 0, "JM\u{1}\u{0}PK"), ("a type library", 0, "GOBJ\nMETADATA"),
        ("PDF", 0, "%PDF-"), ("PostScript", 0, "%!PS"), ("PostScript", 0, "\u{C5}\u{D0}\u{D3}\u{C6}"),
        ("RTF", 0, "{\\rtf"),
        ("an Office document", 0, "\u{D0}\u{CF}\u{11}\u{E0}\u{A1}\u{B1}\u{1A}\u{E1}"), ("a help file", 0, "ITSF"),
        ("an e-book", 60, "BOOKMOBI"), ("an e-book", 0, "ITOLITLS"), ("WordPerfect", 0, "\u{FF}WPC"),
        ("DVI", 0, "\u{F7}\u{2}\u{1}\u{83}\u{92}\u{C0}"), ("an SQLite database", 0, "SQLite format 3"),
        ("a Berkeley database", 12, "\u{62}\u{31}\u{5}\u{0}"), ("a Berkeley database", 12, "\u{61}\u{15}\u{6}\u{0}"),
        ("a GDBM database", 0, "\u{CE}\u{9A}\u{57}\u{13}"), ("a GDBM database", 0, "\u{CF}\u{9A}\u{57}\u{13}"),
        ("a database of Access", 4, "Standard "), ("a dump of PostgreSQL", 0, "PGDMP"), ("Parquet", 0, "PAR1"),
        ("ORC", 0, "ORC\u{8}"), ("Avro", 0, "Obj\u{1}"), ("Arrow", 0, "ARROW1"), ("Feather", 0, "FEA1"),
        ("a NumPy array", 0, "\u{93}NUMPY"), ("HDF5", 0, "\u{89}HDF\r\n\u{1A}\n"), ("HDF4", 0, "\u{E}\u{3}\u{13}\u{1}"),
        ("NetCDF", 0, "CDF\u{1}"), ("NetCDF", 0, "CDF\u{2}"), ("NetCDF", 0, "CDF\u{5}"), ("GRIB", 0, "GRIB"),
        ("BUFR", 0, "BUFR"), ("a GGUF model", 0, "GGUF"), ("a GGML model", 0, "lmgg"), ("a GGML model", 0, "tjgg"),
        ("a TensorFlow Lite model", 4, "TFL3"), ("a GVariant database", 0, "GVariant"),
        ("a property list", 0, "bplist0"), ("a capture of packets", 0, "\u{D4}\u{C3}\u{B2}\u{A1}"),
        ("a capture of packets", 0, "\u{A1}\u{B2}\u{C3}\u{D4}"),
        ("a capture of packets", 0, "\u{4D}\u{3C}\u{B2}\u{A1}"),
        ("a capture of packets", 0, "\n\r\r\n"), ("a Git pack", 0, "PACK\u{0}\u{0}\u{0}"),
        ("a Git index", 0, "DIRC\u{0}\u{0}\u{0}"), ("a journal of systemd", 0, "LPKSHHRH"),
        ("a profile of perf", 0, "PERFILE2"), ("counts of gcov", 0, "adcg"), ("counts of gcov", 0, "oncg"),
        ("counts of LLVM", 0, "\u{81}rforpl\u{FF}"), ("a time zone", 0, "TZif"), ("encrypted data", 0, "Salted__"),
        ("encrypted data", 0, "age-encryption.org/"), ("passwords of KeePass", 0, "\u{3}\u{D9}\u{A2}\u{9A}"),
        ("a Java key store", 0, "\u{FE}\u{ED}\u{FE}\u{ED}"), ("the registry of Windows", 0, "regf"),
        ("a log of Windows", 0, "ElfFile\u{0}"), ("a shortcut of Windows", 0, "L\u{0}\u{0}\u{0}\u{1}\u{14}\u{2}\u{0}"),
        ("magic of file", 0, "\u{1C}\u{4}\u{1E}\u{F1}"), ("a cache of the linker", 0, "ld.so-1."),
        ("a cache of the linker", 0, "glibc-ld."), ("settings of Finder", 0, "\u{0}\u{0}\u{0}\u{1}Bud1"),
        ("AppleDouble", 0, "\u{0}\u{5}\u{16}\u{7}\u{0}"), ("AppleSingle", 0, "\u{0}\u{5}\u{16}\u{0}\u{0}"),
        ("an OpenPGP message", 0, "\u{85}\u{2}\u{C}\u{3}"), ("an OpenPGP message", 0, "\u{85}\u{1}\u{C}\u{3}"),
        ("an OpenPGP message", 0, "\u{8C}\u{D}\u{4}\u{9}"), ("an OpenPGP message", 0, "\u{8C}\u{D}\u{4}\u{7}"),
        ("OpenPGP keys", 0, "\u{99}\u{1}\u{D}\u{4}"), ("OpenPGP keys", 0, "\u{99}\u{2}\u{D}\u{4}"),
        ("a PyTorch model", 0, "\u{80}\u{2}\u{8A}\u{A}\u{6C}\u{FC}"),
    ])

    /// The beginnings of network protocols.
    private static let messages: [Magic] = table([
        ("an HTTP response", 0, "HTTP/1."), ("an HTTP response", 0, "HTTP/2 "), ("an Icecast response", 0, "ICY 200"),
        ("an HTTP request", 0, "GET /"), ("an HTTP request", 0, "HEAD /"), ("an HTTP request", 0, "POST /"),
        ("an HTTP request", 0, "PUT /"), ("an HTTP request", 0, "DELETE /"), ("an HTTP request", 0, "OPTIONS "),
        ("an HTTP request", 0, "CONNECT "), ("an HTTP request", 0, "PATCH /"), ("an HTTP request", 0, "PRI * HTTP"),
        ("SSH", 0, "SSH-2.0"),
    ])

    /// Magics with a gap.
    private static let gapped: [Magic] = [
        Magic(.foreign("TLS"), (0, [0x16, 3, 1]), (5, [1, 0])),
        Magic(.foreign("TLS"), (0, [0x16, 3, 3]), (5, [1, 0])),
        Magic(.foreign("a bzip2 file"), (0, Array("BZh".utf8)), (4, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59])),
        Magic(.foreign("a bzip2 file"), (0, Array("BZh".utf8)), (4, [0x17, 0x72, 0x45, 0x38, 0x50, 0x90])),
        Magic(.foreign("a certificate"), (0, [0x30, 0x82]), (4, [0x30, 0x82])),
        Magic(.foreign("a key"), (0, [0x30, 0x82]), (4, [0x02, 0x01])),
    ]
}
