/// The header of a frame of MPEG audio, layers I to III.
struct MPEGFrame: Equatable {
    /// 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5.
    let version: Int
    /// 3 is layer I, 1 is layer III.
    let layer: Int
    let sampleRate: Int
    let isMono: Bool
    /// Bytes of the frame.
    let length: Int

    /// - Parameter header: four bytes.
    init?(_ header: ArraySlice<UInt8>) {
        guard header.count >= 4 else { return nil }
        let first = header.startIndex
        let (second, third) = (Int(header[first + 1]), Int(header[first + 2]))
        guard header[first] == 0xFF, second & 0xE0 == 0xE0 else { return nil }
        version = second >> 3 & 3
        layer = second >> 1 & 3
        let (rateIndex, bitRateIndex) = (third >> 2 & 3, third >> 4)
        guard version != 1, layer != 0, rateIndex != 3, (1...14).contains(bitRateIndex) else { return nil }
        sampleRate = [44_100, 48_000, 32_000][rateIndex] >> (version == 3 ? 0 : version == 2 ? 1 : 2)
        isMono = header[first + 3] >> 6 == 3
        // Invariant: rates come from the tables, and none of them is 0.
        let bitRate = 1000 * Self.bitRates(version, layer)[bitRateIndex - 1]
        let padding = third >> 1 & 1
        if layer == 3 {
            length = (12 * bitRate / sampleRate + padding) * 4
        } else {
            let slots = layer == 1 && version != 3 ? 72 : 144
            length = slots * bitRate / sampleRate + padding
        }
    }

    /// Whether both frames can belong to one stream.
    func isLike(_ other: MPEGFrame) -> Bool {
        version == other.version && layer == other.layer && sampleRate == other.sampleRate && isMono == other.isMono
    }

    /// Bytes between the header and a Xing or Info tag.
    var sideInformation: Int { version == 3 ? (isMono ? 17 : 32) : (isMono ? 9 : 17) }

    /// In kbit/s, for indices 1 to 14.
    private static func bitRates(_ version: Int, _ layer: Int) -> [Int] {
        switch (version == 3, layer) {
        case (true, 3): [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448]
        case (true, 2): [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384]
        case (true, _): [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
        case (false, 3): [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256]
        case (false, _): [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
        }
    }
}
