package import AudioClassifier
internal import CCairo

/// A picture in memory, drawn by Cairo with texts set by Pango, for a PNG file.
@safe package struct CairoCanvas: PictureCanvas, ~Copyable {
    private let surface: OpaquePointer
    private let context: OpaquePointer

    /// - Throws: ``ClassifierError`` `software` if there is no memory for the picture.
    package init(width: Int, height: Int) throws(ClassifierError) {
        // Invariant: sizes of pictures have an upper limit, and Cairo checks its own.
        let surface = unsafe cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height))
        let context = unsafe cairo_create(surface)
        guard let surface = unsafe surface, let context = unsafe context,
            unsafe cairo_status(context) == CAIRO_STATUS_SUCCESS
        else {
            unsafe cairo_destroy(context)
            unsafe cairo_surface_destroy(surface)
            throw Self.failure("there is no memory for \(width) by \(height) pixels")
        }
        unsafe self.surface = surface
        unsafe self.context = context
    }

    deinit {
        unsafe cairo_destroy(context)
        unsafe cairo_surface_destroy(surface)
    }

    package mutating func fill(_ area: PictureArea, _ colour: PictureColour) {
        set(colour)
        unsafe cairo_rectangle(context, area.x, area.y, area.width, area.height)
        unsafe cairo_fill(context)
    }

    package mutating func line(_ points: [PicturePoint], _ colour: PictureColour, width: Double, isDashed: Bool) {
        set(colour)
        unsafe cairo_set_line_width(context, width)
        unsafe cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
        let dashes = isDashed ? [7.0, 4.0] : []
        unsafe cairo_set_dash(context, dashes, Int32(dashes.count), 0)
        // The end of a text is the beginning of the next path.
        unsafe cairo_new_path(context)
        for point in points { unsafe cairo_line_to(context, point.x, point.y) }
        unsafe cairo_stroke(context)
    }

    package mutating func text(
        _ text: String, at point: PicturePoint, _ alignment: PictureAlignment, size: Double, isBold: Bool,
        _ colour: PictureColour, in area: PictureArea
    ) {
        unsafe cairo_save(context)
        defer { unsafe cairo_restore(context) }
        unsafe cairo_rectangle(context, area.x, area.y, area.width, area.height)
        unsafe cairo_clip(context)
        set(colour)
        let line = PictureText(text, size: size, isBold: isBold)
        let shift = alignment == .left ? 0 : alignment == .right ? line.width : line.width / 2
        // Digits and capitals are 0.7 of the size high.
        unsafe cairo_move_to(context, point.x - shift, point.y + 0.35 * size)
        unsafe line.draw(on: context)
    }

    package mutating func image(_ image: PictureImage, in area: PictureArea) throws(ClassifierError) {
        guard
            let source = unsafe cairo_image_surface_create(
                CAIRO_FORMAT_RGB24, Int32(image.width), Int32(image.height)),
            let data = unsafe cairo_image_surface_get_data(source)
        else { throw status }
        defer { unsafe cairo_surface_destroy(source) }
        // Invariant: an image is at most as wide as a picture, and Cairo's rows are positive.
        let stride = unsafe Int(cairo_image_surface_get_stride(source))
        unsafe cairo_surface_flush(source)
        for row in 0..<image.height {
            for column in 0..<image.width {
                let from = 3 * (row * image.width + column)
                // RGB24 is a number of 32 bits: blue, green, red on this byte order.
                let to = row * stride + 4 * column
                for part in 0..<3 { unsafe data[to + part] = image.pixels[from + 2 - part] }
            }
        }
        unsafe cairo_surface_mark_dirty(source)
        unsafe cairo_save(context)
        defer { unsafe cairo_restore(context) }
        unsafe cairo_rectangle(context, area.x, area.y, area.width, area.height)
        unsafe cairo_clip(context)
        unsafe cairo_translate(context, area.x, area.y)
        unsafe cairo_scale(context, area.width / Double(image.width), area.height / Double(image.height))
        unsafe cairo_set_source_surface(context, source, 0, 0)
        let pattern = unsafe cairo_get_source(context)
        unsafe cairo_pattern_set_filter(pattern, CAIRO_FILTER_BILINEAR)
        // The edges must not fade into what is beside the image.
        unsafe cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD)
        unsafe cairo_paint(context)
    }

    /// Returns the picture as a PNG file.
    package borrowing func png() throws(ClassifierError) -> [UInt8] {
        guard unsafe cairo_status(context) == CAIRO_STATUS_SUCCESS else { throw status }
        let file = Bytes()
        let closure = unsafe Unmanaged.passUnretained(file).toOpaque()
        let result = unsafe cairo_surface_write_to_png_stream(
            surface,
            { closure, data, count in
                guard let closure = unsafe closure, let data = unsafe data else { return CAIRO_STATUS_WRITE_ERROR }
                let part = unsafe UnsafeBufferPointer(start: data, count: Int(count))
                unsafe Unmanaged<Bytes>.fromOpaque(closure).takeUnretainedValue().values += Array(part)
                return CAIRO_STATUS_SUCCESS
            }, closure)
        guard result == CAIRO_STATUS_SUCCESS else {
            throw Self.failure(unsafe String(cString: cairo_status_to_string(result)))
        }
        return file.values
    }

    private final class Bytes {
        var values: [UInt8] = []
    }

    private func set(_ colour: PictureColour) {
        unsafe cairo_set_source_rgba(context, colour.red, colour.green, colour.blue, colour.alpha)
    }

    private var status: ClassifierError {
        Self.failure(unsafe String(cString: cairo_status_to_string(cairo_status(context))))
    }

    private static func failure(_ reason: String) -> ClassifierError {
        ClassifierError(.software, code: "picture", "the picture cannot be drawn: \(reason); try a smaller --size")
    }
}
