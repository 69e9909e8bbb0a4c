/// The files of the live page, embedded in the program.
package enum PageFiles {
    /// A file and its content type.
    struct File: Sendable {
        let name: String
        let contentType: String
        let bytes: @Sendable () -> [UInt8]
    }

    /// Allows the page's own files alone, and forbids other sites to show the page in a frame.
    private static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "worker-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ].joined(separator: "; ")

    /// Headers of the files.
    static let headers = [
        ("Content-Security-Policy", policy), ("Permissions-Policy", "microphone=(self)"), ("Cache-Control", "no-cache"),
    ]

    /// The file at `/`.
    static let index = File(
        name: "index.html", contentType: "text/html; charset=utf-8", bytes: { PackageResources.index_html })

    static let all = [
        index,
        File(name: "page.css", contentType: "text/css; charset=utf-8") { PackageResources.page_css },
        script("start.js") { PackageResources.start_js },
        script("page.js") { PackageResources.page_js },
        script("catalog.js") { PackageResources.catalog_js },
        script("chart.js") { PackageResources.chart_js },
        script("clock.js") { PackageResources.clock_js },
        script("current.js") { PackageResources.current_js },
        script("endings.js") { PackageResources.endings_js },
        script("events.js") { PackageResources.events_js },
        script("labels.js") { PackageResources.labels_js },
        script("microphone.js") { PackageResources.microphone_js },
        script("pictures.js") { PackageResources.pictures_js },
        script("plot.js") { PackageResources.plot_js },
        script("recorder.js") { PackageResources.recorder_js },
        script("retry.js") { PackageResources.retry_js },
        script("service.js") { PackageResources.service_js },
        script("slots.js") { PackageResources.slots_js },
        script("spectrogram.js") { PackageResources.spectrogram_js },
        script("timeline.js") { PackageResources.timeline_js },
        File(name: "icon.svg", contentType: "image/svg+xml") { PackageResources.icon_svg },
    ]

    /// Returns a file's text, for another page that shares it; empty for an unknown name.
    package static func text(_ name: String) -> String {
        all.first { $0.name == name }.map { String(decoding: $0.bytes(), as: UTF8.self) } ?? ""
    }

    private static func script(_ name: String, _ bytes: @escaping @Sendable () -> [UInt8]) -> File {
        File(name: name, contentType: "text/javascript; charset=utf-8", bytes: bytes)
    }
}
