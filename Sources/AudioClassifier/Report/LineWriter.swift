/// Turns the records of one recording into lines of any format.
package struct LineWriter: Sendable {
    private let layout: RecordLayout
    private let file: String
    private let startTime: Double?
    private var labels: LabelWriter
    private var spans: [LabelledSpan] = []

    /// - Parameters:
    ///   - file: the name of the recording.
    ///   - startTime: the time of its first sample, in seconds since 1970.
    package init(_ layout: RecordLayout, file: String, sampleRate: Int, startTime: Double? = nil) {
        self.layout = layout
        self.file = file
        self.startTime = startTime
        labels = LabelWriter(layout.format, sampleRate: sampleRate)
    }

    /// Returns the lines of a record. Formats of labels have them at the end of the recording, in order.
    package mutating func lines(_ record: Record) -> [String] {
        guard layout.format.isOfLabels else { return layout.lines(record, file: file, startTime: startTime) }
        spans += LabelledSpan.all(of: record)
        return labels.lines(record)
    }

    /// Returns the lines that the end of the recording brings.
    package mutating func finish(seconds: Double) -> [String] {
        guard layout.format.isOfLabels else { return [] }
        defer { spans = [] }
        return labels.lines(file, spans, seconds: seconds, startTime: startTime)
    }
}
