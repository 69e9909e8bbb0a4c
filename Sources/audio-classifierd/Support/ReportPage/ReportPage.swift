package import AudioClassifier
package import AudioFrontend
internal import ClassifierServer
internal import Glibc

/// The page of a report: one HTML file that needs nothing else.
package struct ReportPage: Sendable {
    /// Scripts of the live page that the report shares, in the order of their use.
    private static let sharedScripts = [
        "labels.js", "slots.js", "plot.js", "chart.js", "timeline.js", "spectrogram.js",
    ]

    private let recordings: [RecordingReport]

    package init(_ recordings: [RecordingReport]) {
        self.recordings = recordings
    }

    /// The whole page.
    package var html: String {
        let scripts = Self.sharedScripts.map(PageFiles.text) + [Self.text(PackageResources.report_js)]
        // Inside a script element, only a "<" could end the data.
        let data = "[\(recordings.map(\.json).joined(separator: ",\n"))]".replacing("<", with: "\\u003c")
        return Self.text(PackageResources.report_html)
            .replacing("/* style */", with: PageFiles.text("page.css") + Self.text(PackageResources.report_css))
            .replacing("/* script */", with: Self.joined(scripts))
            .replacing("/* data */", with: data)
    }

    /// Returns modules as one: their imports and exports become names of the same module.
    private static func joined(_ scripts: [String]) -> String {
        scripts.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }
            .filter { !$0.hasPrefix("import ") }
            .map { $0.hasPrefix("export ") ? $0.dropFirst("export ".count) : $0 }
            .joined(separator: "\n")
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Writes the page under a temporary name and renames it, so that a half-written page never has the final name.
    package func write(_ path: FileName) throws(ClassifierError) {
        let temporary = FileName(bytes: path.bytes + Array(".partial".utf8))
        func failure(_ reason: String) -> ClassifierError {
            _ = unsafe temporary.withCString { unsafe unlink($0) }
            return ClassifierError(.inputOutput, code: "write", "\(path): cannot write: \(reason)")
        }
        let descriptor = unsafe temporary.withCString {
            unsafe open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else { throw failure(unsafe String(cString: strerror(errno))) }
        do throws(WriteFailure) { try writeAll(html, to: descriptor) } catch {
            close(descriptor)
            throw failure(error.description)
        }
        let isRenamed = unsafe temporary.withCString { old in unsafe path.withCString { unsafe rename(old, $0) == 0 } }
        guard close(descriptor) == 0, isRenamed else { throw failure(unsafe String(cString: strerror(errno))) }
    }
}
