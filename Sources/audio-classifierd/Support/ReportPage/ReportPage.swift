/// The page of a report of recordings.
package enum ReportPage {
    /// Scripts of the live page that the report shares, in the order of their use.
    private static let sharedScripts = [
        "labels.js", "slots.js", "plot.js", "chart.js", "timeline.js", "spectrogram.js",
    ]

    /// Makes the page of recordings.
    package static func page(_ recordings: [RecordingReport]) -> SelfContainedPage {
        SelfContainedPage(
            shared: sharedScripts, scripts: [PackageResources.elements_js, PackageResources.report_js],
            styles: [PackageResources.report_css], data: "[\(recordings.map(\.json).joined(separator: ",\n"))]")
    }
}
