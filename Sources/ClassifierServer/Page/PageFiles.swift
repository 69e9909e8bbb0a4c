internal import NIOCore
internal import NIOHTTP1

/// The live page: the files beside this one, embedded in the program.
enum PageFiles {
    /// Nothing but the page's own files runs, nothing from elsewhere is loaded, and nobody else may show the page in a
    /// frame.
    private static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ].joined(separator: "; ")

    /// The file at a path, if there is one.
    static func answer(_ path: [String]) -> HTTPAnswer? {
        guard path.count <= 1, let file = file(path.first ?? "index.html") else { return nil }
        return HTTPAnswer(
            status: .ok, contentType: file.type, body: ByteBuffer(bytes: file.bytes),
            headers: [
                ("Content-Security-Policy", policy), ("Permissions-Policy", "microphone=(self)"),
                ("Cache-Control", "no-cache"),
            ])
    }

    private static func file(_ name: String) -> (type: String, bytes: [UInt8])? {
        switch name {
        case "index.html": ("text/html; charset=utf-8", PackageResources.index_html)
        case "page.css": ("text/css; charset=utf-8", PackageResources.page_css)
        case "page.js": ("text/javascript; charset=utf-8", PackageResources.page_js)
        case "canvas.js": ("text/javascript; charset=utf-8", PackageResources.canvas_js)
        case "chart.js": ("text/javascript; charset=utf-8", PackageResources.chart_js)
        case "spectrogram.js": ("text/javascript; charset=utf-8", PackageResources.spectrogram_js)
        case "microphone.js": ("text/javascript; charset=utf-8", PackageResources.microphone_js)
        case "icon.svg": ("image/svg+xml", PackageResources.icon_svg)
        default: nil
        }
    }
}
