internal import Glibc
internal import StrictCoding

/// Absolute times as dates of the machine's time zone.
package enum CalendarTime {
    /// Returns a time as ISO 8601 has it, with milliseconds and the zone's offset: `2026-05-01T04:30:00.500+02:00`.
    /// - Parameter seconds: since 1970, without leap seconds.
    package static func text(_ seconds: Double) -> String {
        let parts = parts(seconds)
        let minutes = abs(parts.offset) / 60
        let offset = "\(parts.offset < 0 ? "-" : "+")\(digits(minutes / 60, 2)):\(digits(minutes % 60, 2))"
        return "\(parts.date)T\(parts.time).\(digits(parts.milliseconds, 3))\(offset)"
    }

    /// Returns date and time of day: `2026-05-01`, `04:30:00`.
    package static func dateAndTime(_ seconds: Double) -> (date: String, time: String) {
        let parts = parts(seconds)
        return (parts.date, parts.time)
    }

    /// Returns the seconds since 1970 of a date.
    /// - Parameter offset: seconds that its zone is ahead of UTC; nil for the machine's zone.
    /// - Returns: nil if there is no such date.
    package static func seconds(
        year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, offset: Int? = nil
    ) -> Double? {
        guard (1970...2999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        var parts = unsafe tm()
        unsafe parts.tm_year = Int32(year - 1900)
        unsafe parts.tm_mon = Int32(month - 1)
        unsafe parts.tm_mday = Int32(day)
        unsafe parts.tm_hour = Int32(hour)
        unsafe parts.tm_min = Int32(minute)
        unsafe parts.tm_sec = Int32(second)
        unsafe parts.tm_isdst = -1
        let time = unsafe offset == nil ? mktime(&parts) : timegm(&parts)
        // The 31st of February has become a day of March.
        guard unsafe Int(parts.tm_mday) == day else { return nil }
        return Double(time) - Double(offset ?? 0)
    }

    private static func parts(_ seconds: Double) -> (
        date: String, time: String, milliseconds: Int, offset: Int
    ) {
        // Invariant: the year is 5138 at most, also for a file with a damaged time.
        let whole = Int((min(max(seconds, -1e11), 1e11) * 1000).rounded())
        let milliseconds = ((whole % 1000) + 1000) % 1000
        var time = time_t((whole - milliseconds) / 1000)
        var parts = unsafe tm()
        _ = unsafe localtime_r(&time, &parts)
        let fields = unsafe [
            parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
        ].map { digits(Int($0), 2) }
        let (date, clock) = (fields[..<3].joined(separator: "-"), fields[3...].joined(separator: ":"))
        return unsafe (date, clock, milliseconds, Int(parts.tm_gmtoff))
    }

    private static func digits(_ value: Int, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
