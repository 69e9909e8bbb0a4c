/// A colour with parts from 0 to 1.
package struct PictureColour: Sendable, Equatable {
    package let red, green, blue, alpha: Double

    package init(_ red: Double, _ green: Double, _ blue: Double, alpha: Double = 1) {
        (self.red, self.green, self.blue, self.alpha) = (red, green, blue, alpha)
    }

    /// - Parameter code: red, green and blue in eight bits each.
    init(_ code: UInt32, alpha: Double = 1) {
        func part(_ shift: UInt32) -> Double { Double(code >> shift & 0xFF) / 255 }
        self.init(part(16), part(8), part(0), alpha: alpha)
    }
}

package struct PicturePoint: Sendable, Equatable {
    package let x, y: Double

    package init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
}

/// An area of a picture. Lengths are in pixels, from the left and the top.
package struct PictureArea: Sendable, Equatable {
    package let x, y, width, height: Double

    package init(x: Double, y: Double, width: Double, height: Double) {
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }

    var right: Double { x + width }
    var bottom: Double { y + height }
}

/// Pixels of a spectrogram: rows from the top, red, green and blue in eight bits each.
package struct PictureImage: Sendable {
    package let width, height: Int
    package private(set) var pixels: [UInt8]

    init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == 3 * width * height, "a pixel has three bytes")
        (self.width, self.height, self.pixels) = (width, height, pixels)
    }
}

/// Where a text stands relative to its point.
package enum PictureAlignment: Sendable { case left, centre, right }

/// What pictures are drawn on.
package protocol PictureCanvas: ~Copyable {
    mutating func fill(_ area: PictureArea, _ colour: PictureColour)
    mutating func line(_ points: [PicturePoint], _ colour: PictureColour, width: Double, isDashed: Bool)
    /// Writes a text of one line, whose middle is at the height of the point. What exceeds the area is cut off.
    mutating func text(
        _ text: String, at point: PicturePoint, _ alignment: PictureAlignment, size: Double, isBold: Bool,
        _ colour: PictureColour, in area: PictureArea)
    /// Draws an image, stretched to an area.
    mutating func image(_ image: PictureImage, in area: PictureArea) throws
}
