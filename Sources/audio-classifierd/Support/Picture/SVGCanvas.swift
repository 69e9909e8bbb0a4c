internal import AudioClassifier

/// A picture as the text of an SVG file, in which words stay words.
package struct SVGCanvas: PictureCanvas {
    private let width, height: Int
    private var body = ""
    private var clipCount = 0

    package init(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
    }

    /// The whole file.
    package var text: String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
        font-family="sans-serif">
        \(body)</svg>

        """
    }

    package mutating func fill(_ area: PictureArea, _ colour: PictureColour) {
        body += "<rect \(Self.attributes(area)) \(Self.paint("fill", colour))/>\n"
    }

    package mutating func line(_ points: [PicturePoint], _ colour: PictureColour, width: Double, isDashed: Bool) {
        let places = points.map { "\(SVGText.number($0.x)),\(SVGText.number($0.y))" }.joined(separator: " ")
        let dashes = isDashed ? " stroke-dasharray=\"7 4\"" : ""
        body += "<polyline points=\"\(places)\" fill=\"none\" \(Self.paint("stroke", colour)) "
        body += "stroke-width=\"\(SVGText.number(width))\" stroke-linejoin=\"round\"\(dashes)/>\n"
    }

    package mutating func text(
        _ text: String, at point: PicturePoint, _ alignment: PictureAlignment, size: Double, isBold: Bool,
        _ colour: PictureColour, in area: PictureArea
    ) {
        clipCount += 1
        let anchor = alignment == .left ? "start" : alignment == .right ? "end" : "middle"
        body += "<clipPath id=\"clip\(clipCount)\"><rect \(Self.attributes(area))/></clipPath>\n"
        let weight = isBold ? " font-weight=\"bold\"" : ""
        body += "<text x=\"\(SVGText.number(point.x))\" y=\"\(SVGText.number(point.y + 0.35 * size))\" "
        body += "font-size=\"\(SVGText.number(size))\" text-anchor=\"\(anchor)\"\(weight) "
        body += "clip-path=\"url(#clip\(clipCount))\" \(Self.paint("fill", colour))>"
        body += "\(SVGText.escaped(text))</text>\n"
    }

    package mutating func image(_ image: PictureImage, in area: PictureArea) throws {
        var canvas = try CairoCanvas(width: image.width, height: image.height)
        try canvas.image(
            image, in: PictureArea(x: 0, y: 0, width: Double(image.width), height: Double(image.height)))
        let png = try canvas.png().base64
        body += "<image \(Self.attributes(area)) preserveAspectRatio=\"none\" href=\"data:image/png;base64,\(png)\"/>\n"
    }

    private static func attributes(_ area: PictureArea) -> String {
        "x=\"\(SVGText.number(area.x))\" y=\"\(SVGText.number(area.y))\" width=\"\(SVGText.number(area.width))\" "
            + "height=\"\(SVGText.number(area.height))\""
    }

    private static func paint(_ name: String, _ colour: PictureColour) -> String {
        // Invariant: parts of a colour are in 0 ... 1.
        let parts = [colour.red, colour.green, colour.blue].map { "\(Int((255 * $0).rounded()))" }
        let alpha = colour.alpha < 1 ? " \(name)-opacity=\"\(SVGText.number(colour.alpha))\"" : ""
        return "\(name)=\"rgb(\(parts.joined(separator: ",")))\"\(alpha)"
    }
}
