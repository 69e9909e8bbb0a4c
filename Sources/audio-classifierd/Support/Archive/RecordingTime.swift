internal import AudioClassifier
package import AudioFrontend
internal import Glibc

/// The time at which a recording began, in seconds since 1970.
package enum RecordingTime: String, Sendable, CaseIterable {
    /// From a date in the file's name.
    case name
    /// From the file's last change, at which the recording ended.
    case mtime
    /// From the `bext` chunk of a Broadcast Wave file.
    case bext

    /// Returns the time; nil if the file does not have it.
    /// - Parameter duration: the recording's duration in seconds, if its header has it.
    package func startTime(of file: FileName, duration: Double?) -> Double? {
        switch self {
        case .name: Self.time(inName: file.entry.bytes)
        case .mtime:
            duration.flatMap { duration in
                file.status.map {
                    Double($0.st_mtim.tv_sec) + Double($0.st_mtim.tv_nsec) * 1e-9 - duration
                }
            }
        case .bext: Self.time(inChunkOf: file)
        }
    }

    /// Finds a date and a time of day in a name, as recorders write them: `20260501_043000`, `2026-05-01T04-30-00Z`,
    /// `2026-05-01 04.30.00+0200`, or eight hexadecimal digits of the seconds since 1970 that are all of the name.
    package static func time(inName name: [UInt8]) -> Double? {
        let stem = name.lastIndex(of: UInt8(ascii: ".")).map { Array(name[..<$0]) } ?? name
        if stem.count == 8, let text = String(validating: stem, as: UTF8.self), let seconds = UInt32(text, radix: 16),
            // Eight decimal digits are a date without a time.
            Int(text) == nil
        {
            return Double(seconds)
        }
        for start in stem.indices where start == 0 || !isDigit(stem[start - 1]) {
            if let time = time(stem[start...]) { return time }
        }
        return nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Reads year, month, day, hour, minute and second from the beginning of the bytes.
    private static func time(_ bytes: ArraySlice<UInt8>) -> Double? {
        var rest = bytes
        var values: [Int] = []
        for (index, count) in [4, 2, 2, 2, 2, 2].enumerated() {
            if index > 0 {
                let separators = index == 3 ? "_-T .t" : "-_.: "
                if let first = rest.first, separators.utf8.contains(first) { rest = rest.dropFirst() }
            }
            guard rest.count >= count, rest.prefix(count).allSatisfy(isDigit) else { return nil }
            values.append(rest.prefix(count).reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
            rest = rest.dropFirst(count)
        }
        // A longer number is no time.
        guard rest.first.map({ !isDigit($0) }) ?? true else { return nil }
        return CalendarTime.seconds(
            year: values[0], month: values[1], day: values[2], hour: values[3], minute: values[4], second: values[5],
            offset: offset(rest))
    }

    /// Reads `Z`, `+0200` or `-05:00`; nil without one of them.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard let sign = bytes.first else { return nil }
        if sign == UInt8(ascii: "Z") { return 0 }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        let digits = bytes.dropFirst().filter { $0 != UInt8(ascii: ":") }.prefix(4)
        guard digits.count == 4, digits.allSatisfy(isDigit) else { return nil }
        let values = digits.map { Int($0 - UInt8(ascii: "0")) }
        let seconds = (values[0] * 10 + values[1]) * 3600 + (values[2] * 10 + values[3]) * 60
        // Invariant: every byte is a digit, and there are four at most.
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// Reads the origination date and time of a `bext` chunk (EBU Tech 3285), which stand 320 bytes behind its header.
    private static func time(inChunkOf file: FileName) -> Double? {
        guard let stream = unsafe file.withCString({ unsafe fopen($0, "re") }) else { return nil }
        defer { unsafe fclose(stream) }
        func read(_ count: Int, at position: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            guard unsafe fseek(stream, position, SEEK_SET) == 0, unsafe fread(&bytes, 1, count, stream) == count else {
                return nil
            }
            return bytes
        }
        guard let head = read(12, at: 0),
            ["RIFF", "RF64", "BW64"].contains(String(decoding: head[..<4], as: UTF8.self))
        else { return nil }
        var position = 12
        while let chunk = read(8, at: position) {
            let size = (0..<4).reduce(0) { $0 | Int(chunk[4 + $1]) << (8 * $1) }
            guard chunk[..<4].elementsEqual("bext".utf8) else {
                // The size of a data chunk may be a dummy, and a bext chunk stands before it.
                if chunk[..<4].elementsEqual("data".utf8) { return nil }
                position += 8 + size + size % 2
                continue
            }
            guard let date = read(18, at: position + 8 + 320) else { return nil }
            return time((Array(date[..<10]) + [0x20] + Array(date[10...]))[...])
        }
        return nil
    }
}
