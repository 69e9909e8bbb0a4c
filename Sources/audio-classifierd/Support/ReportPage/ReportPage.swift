package import AudioClassifier
internal import StrictCoding

/// The page of a report of recordings.
package enum ReportPage {
    /// Scripts of the live page that the report shares, in the order of their use.
    private static let sharedScripts = [
        "labels.js", "slots.js", "plot.js", "chart.js", "timeline.js", "spectrogram.js",
    ]

    /// Makes the page of recordings.
    /// - Parameter failures: the reasons why others are not on it, which name them.
    package static func page(
        _ recordings: [RecordingReport], failures: [ClassifierError] = []
    ) -> SelfContainedPage {
        let failures = failures.map { failure in
            var line = JSONWriter(type: "failure")
            line.add("code", failure.code)
            line.add("message", failure.message)
            return line.text
        }
        return SelfContainedPage(
            shared: sharedScripts, scripts: [PackageResources.elements_js, PackageResources.report_js],
            styles: [PackageResources.report_css],
            data: "[\((recordings.map(\.json) + failures).joined(separator: ",\n"))]")
    }
}
