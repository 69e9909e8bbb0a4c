internal import AudioClassifier
internal import CPango

/// A line of text as Pango sets it: with joined letters, words from right to left, and a font for each script.
@safe struct PictureText: ~Copyable {
    /// Nil where Pango is not installed.
    private let line: OpaquePointer?

    init(_ text: String, size: Double, isBold: Bool) {
        unsafe line = pango_line_create(text, size, isBold)
    }

    deinit { if let line = unsafe line { unsafe pango_line_free(line) } }

    var width: Double {
        if let line = unsafe line { unsafe pango_line_width(line) } else { 0 }
    }

    /// Draws the line.
    /// - Parameters:
    ///   - context: a context of Cairo at the line's beginning, with the colour.
    @unsafe func draw(on context: OpaquePointer) {
        if let line = unsafe line { unsafe pango_line_draw(line, UnsafeMutableRawPointer(context)) }
    }

    /// Checks that texts can be drawn.
    /// - Throws: ``ClassifierError`` `unavailable` if Pango is not installed.
    static func check() throws(ClassifierError) {
        guard !pango_line_is_ready() else { return }
        throw ClassifierError(
            .unavailable, code: "picture",
            "a picture's words are set by Pango, which is not installed: install libpangocairo-1.0-0 (Debian)")
    }

    /// Returns the width of a line of text.
    static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
        PictureText(text, size: size, isBold: isBold).width
    }

    /// Returns a text that is no wider than a width, shortened where it must be.
    static func fitted(_ text: String, width: Double, size: Double, isBold: Bool = false) -> String {
        guard Self.width(text, size: size, isBold: isBold) > width else { return text }
        // The largest number of letters that fit, by halves.
        var (fitting, tooMany) = (0, text.count)
        while tooMany - fitting > 1 {
            let count = (fitting + tooMany) / 2
            let isFit = Self.width("\(text.prefix(count))…", size: size, isBold: isBold) <= width
            if isFit { fitting = count } else { tooMany = count }
        }
        return "\(text.prefix(fitting))…"
    }
}
