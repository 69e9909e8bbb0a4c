/// A drawing of rectangles, lines and texts as SVG. Lengths are in pixels, and the origin is the upper left corner.
struct SVGDrawing {
    enum Anchor: String { case start, middle, end }

    private let width: Double
    private var elements: [String] = []

    init(width: Double) { self.width = width }

    /// - Parameter title: text that is shown for a pointer on the rectangle.
    mutating func rectangle(
        x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String? = nil, title: String? = nil
    ) {
        let stroke = stroke.map { " stroke=\"\($0)\"" } ?? ""
        let shape =
            "<rect x=\"\(SVGText.number(x))\" y=\"\(SVGText.number(y))\" width=\"\(SVGText.number(width))\" "
            + "height=\"\(SVGText.number(height))\" fill=\"\(fill)\"\(stroke)"
        elements.append(title.map { "\(shape)><title>\(SVGText.escaped($0))</title></rect>" } ?? "\(shape)/>")
    }

    /// Adds a line through points.
    /// - Parameter dashes: lengths of strokes and gaps; none is a whole line.
    mutating func line(
        _ points: [(x: Double, y: Double)], stroke: String, width: Double = 1, dashes: [Int] = [],
        title: String? = nil
    ) {
        let list = points.map { "\(SVGText.number($0.x)),\(SVGText.number($0.y))" }.joined(separator: " ")
        let pattern = dashes.map(String.init).joined(separator: " ")
        let dashes = dashes.isEmpty ? "" : " stroke-dasharray=\"\(pattern)\""
        let shape =
            "<polyline points=\"\(list)\" fill=\"none\" stroke=\"\(stroke)\" "
            + "stroke-width=\"\(SVGText.number(width))\"\(dashes)"
        elements.append(title.map { "\(shape)><title>\(SVGText.escaped($0))</title></polyline>" } ?? "\(shape)/>")
    }

    /// - Parameter angle: degrees by which the text is turned about its anchor.
    mutating func text(
        _ text: String, x: Double, y: Double, size: Double = 12, anchor: Anchor = .start, fill: String = "#222",
        angle: Double = 0
    ) {
        let turn =
            angle == 0
            ? "" : " transform=\"rotate(\(SVGText.number(angle)) \(SVGText.number(x)) \(SVGText.number(y)))\""
        elements.append(
            "<text x=\"\(SVGText.number(x))\" y=\"\(SVGText.number(y))\" font-size=\"\(SVGText.number(size))\" "
                + "text-anchor=\"\(anchor.rawValue)\" fill=\"\(fill)\"\(turn)>\(SVGText.escaped(text))</text>")
    }

    /// Returns the whole file.
    /// - Parameter title: the drawing in words, for those who do not see it.
    func text(height: Double, title: String) -> String {
        let size = "width=\"\(SVGText.number(width))\" height=\"\(SVGText.number(height))\""
        let head = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) viewBox=\"0 0 \(SVGText.number(width)) "
                + "\(SVGText.number(height))\" role=\"img\" font-family=\"sans-serif\">",
            "<title>\(SVGText.escaped(title))</title>",
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        ]
        return (head + elements + ["</svg>"]).joined(separator: "\n") + "\n"
    }
}
