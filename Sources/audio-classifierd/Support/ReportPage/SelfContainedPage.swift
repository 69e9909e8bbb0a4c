package import AudioClassifier
package import AudioFrontend
internal import ClassifierServer
internal import Glibc

/// An HTML file that needs nothing else: styles, scripts and data are in it.
package struct SelfContainedPage: Sendable {
    /// The whole page.
    package let html: String

    /// - Parameters:
    ///   - shared: names of scripts of the live page, in the order of their use.
    ///   - scripts: further scripts; the last one shows the page.
    ///   - data: JSON.
    package init(shared: [String], scripts: [[UInt8]], styles: [[UInt8]], data: String) {
        let scripts = shared.map(PageFiles.text) + scripts.map(Self.text)
        // Inside a script element, only a "<" could end the data.
        html = Self.text(PackageResources.report_html)
            .replacing("/* style */", with: PageFiles.text("page.css") + styles.map(Self.text).joined())
            .replacing("/* script */", with: Self.joined(scripts))
            .replacing("/* data */", with: data.replacing("<", with: "\\u003c"))
    }

    /// Returns modules as one: their imports and exports become names of the same module.
    private static func joined(_ scripts: [String]) -> String {
        scripts.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }
            .filter { !$0.hasPrefix("import ") }
            .map { $0.hasPrefix("export ") ? $0.dropFirst("export ".count) : $0 }
            .joined(separator: "\n")
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Writes the page.
    package func write(_ path: FileName) throws(ClassifierError) { try WholeFile.write(Array(html.utf8), path) }
}

/// A file that is written as a whole.
package enum WholeFile {
    /// Writes bytes under a temporary name and renames them, so that a half-written file never has the final name.
    package static func write(_ bytes: [UInt8], _ path: FileName) throws(ClassifierError) {
        let temporary = FileName(bytes: path.bytes + Array(".partial".utf8))
        func failure(_ reason: String) -> ClassifierError {
            _ = unsafe temporary.withCString { unsafe unlink($0) }
            return ClassifierError(.inputOutput, code: "write", "\(path): cannot write: \(reason)")
        }
        let descriptor = unsafe temporary.withCString {
            unsafe open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        }
        guard descriptor >= 0 else { throw failure(unsafe String(cString: strerror(errno))) }
        do throws(WriteFailure) { try writeAll(bytes, to: descriptor) } catch {
            close(descriptor)
            throw failure(error.description)
        }
        let isRenamed = unsafe temporary.withCString { old in unsafe path.withCString { unsafe rename(old, $0) == 0 } }
        guard close(descriptor) == 0, isRenamed else { throw failure(unsafe String(cString: strerror(errno))) }
    }
}
