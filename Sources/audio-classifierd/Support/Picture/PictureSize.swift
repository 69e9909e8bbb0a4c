/// Width and height of a picture in pixels.
package struct PictureSize: Sendable, Equatable, CustomStringConvertible {
    package static let range = 200...8000

    package let width, height: Int

    package init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

    /// Reads a size such as `1200x800`; nil if it is none, or outside the range.
    package init?(_ text: String) {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let width = parts[0], let height = parts[1], Self.range.contains(width),
            Self.range.contains(height)
        else { return nil }
        self.init(width: width, height: height)
    }

    package var description: String { "\(width)x\(height)" }
}
