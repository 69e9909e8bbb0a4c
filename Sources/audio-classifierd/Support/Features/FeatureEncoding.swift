internal import AudioClassifier
package import AudioFrontend
internal import FoundationEssentials
internal import Glibc
package import StreamTransformer
internal import StrictCoding

/// An encoder of any feature stream, audio or not, with a model: frames in, a prediction a token out.
package struct FeatureEncoding: Sendable {
    /// The numbers of a line.
    package enum Scores: String, Sendable, CaseIterable { case top, logits, probabilities }

    package var scores = Scores.top
    package var topCount = 3
    /// The stream's name in every line.
    package var name = "features"
    private let model: Model

    package init(_ model: Model) { self.model = model }

    private var width: Int { model.configuration.inputWidth }

    /// Encodes an array into one of logits (tokens, labels), or (streams, tokens, labels) if it has many streams.
    /// - Throws: ``ClassifierError`` at the first refused frame; no output is then written.
    package func run(array path: FileName, out: FileName, progress: Progress?) throws {
        let features = try read(path)
        // Before this, a signal ends the program where it waits for the writer of a FIFO.
        _ = StopSignal.install()
        let writer = try NumpyWriter(path: out, columns: model.configuration.labels.count, streams: features.streams)
        try encode(features, path, progress: progress) { _, stream in
            try StopSignal.check("\(out) was not written")
            try writer.append(stream.newestLogits)
        }
        try writer.close()
    }

    /// Encodes an array of one stream into lines.
    package func run(array path: FileName, _ write: ([String]) throws -> Void) throws {
        let features = try read(path)
        guard features.streams == nil else {
            throw ClassifierError(
                .usage, code: "usage",
                "\(path): has three dimensions, (streams, frames, features); --out FILE.npy takes the logits of many "
                    + "streams, and lines are of one")
        }
        try write([startLine])
        var tokens = 0
        let result = Result {
            try encode(features, path, progress: nil) { row, stream in
                try write([line(stream, row: row)])
                tokens += 1
            }
        }
        try finish(tokens, result, write)
    }

    /// Encodes lines of standard input into an array of logits. A refused line ends the stream; the logits before it
    /// are written.
    /// - Parameter interrupt: a descriptor that ends the stream when it becomes readable.
    package func runLines(interrupt: Int32?, out: FileName) throws {
        let writer = try NumpyWriter(path: out, columns: model.configuration.labels.count)
        let result = Result { try encodeLines(interrupt) { _, stream in try writer.append(stream.newestLogits) } }
        try writer.close()
        try result.get()
    }

    /// Encodes lines of standard input into lines, each as soon as its token is complete.
    package func runLines(interrupt: Int32?, _ write: ([String]) throws -> Void) throws {
        try write([startLine])
        var tokens = 0
        let result = Result {
            try encodeLines(interrupt) { row, stream in
                try write([line(stream, row: row)])
                tokens += 1
            }
        }
        try finish(tokens, result, write)
    }

    private typealias Body = (_ row: Int, borrowing StreamState) throws -> Void

    private func read(_ path: FileName) throws(ClassifierError) -> NumpyArray {
        let features = try NumpyArray(path: path)
        guard features.columns == width else {
            throw ClassifierError(
                .data, code: "features",
                "\(path): has \(features.columns) features a frame, \(model.configuration.name) takes \(width)")
        }
        return features
    }

    /// Encodes the streams of an array, each from an empty state.
    private func encode(_ features: NumpyArray, _ path: FileName, progress: Progress?, _ body: Body) throws {
        defer { progress?.finish() }
        var stream = model.makeStream()
        let values = features.values
        for row in 0..<(features.streams ?? 1) * features.rows {
            if row % features.rows == 0 { stream.reset() }
            let frame = values.span.extracting(row * width..<(row + 1) * width)
            if try step(frame, &stream, Self.place(path, features, row)) { try body(row % features.rows, stream) }
            if row % 1000 == 0 { progress?.update(Double(row * width) / Double(values.count)) }
        }
    }

    private static func place(_ path: FileName, _ features: NumpyArray, _ row: Int) -> String {
        features.streams == nil ? "\(path)" : "\(path), stream \(row / features.rows)"
    }

    private func encodeLines(_ interrupt: Int32?, _ body: Body) throws {
        let bytes = ByteStream(descriptor: STDIN_FILENO, name: "standard input", interrupt: interrupt, owned: false)
        var lines = FeatureLines(bytes, width: width)
        var stream = model.makeStream()
        var frame: [Float] = []
        var row = 0
        while try lines.next(into: &frame) {
            if try step(frame.span, &stream, "standard input, line \(lines.line)") { try body(row, stream) }
            row += 1
        }
    }

    /// Advances the stream. An error names the frame.
    private func step(_ frame: Span<Float>, _ stream: inout StreamState, _ place: @autoclosure () -> String)
        throws(ClassifierError) -> Bool
    {
        do { return try model.step(frame, &stream) } catch {
            throw ClassifierError(.data, code: error.code.rawValue, "\(place()): \(error.message)")
        }
    }

    private var startLine: String {
        let configuration = model.configuration
        var line = JSONWriter(type: "start")
        line.add("stream", name)
        line.add("model", configuration.name)
        line.add("model_sha256", configuration.weightsFile.sha256)
        line.add("labels", configuration.labels.count)
        line.add("names", configuration.labels)
        return line.text
    }

    /// Returns the line of the newest prediction, made with the frame of index `row`.
    private func line(_ stream: borrowing StreamState, row: Int) -> String {
        let configuration = model.configuration
        var values = configuration.labels.map { _ in Float(0) }
        stream.copyLogits(to: &values)
        if scores != .logits { configuration.activation.apply(to: &values) }
        var line = JSONWriter(type: "frame")
        line.add("stream", name)
        line.add("frame", Int(stream.tokens) - 1)
        line.add("row", row)
        line.add("warm", stream.tokens >= Int64(model.warmUpTokens))
        if scores == .top {
            let order = values.indices.sorted { values[$0] > values[$1] || values[$0] == values[$1] && $0 < $1 }
            line.add(
                "top",
                order.prefix(topCount).map { .init(label: configuration.labels[$0], probability: values[$0]) })
        } else {
            line.add(scores.rawValue, values)
        }
        return line.text
    }

    /// Writes the end line, then throws the error of a refused frame, if any.
    private func finish(_ tokens: Int, _ result: Result<Void, any Error>, _ write: ([String]) throws -> Void) throws {
        if case .failure(let error) = result {
            if error is OutputSink.ReaderGone { throw error }
            let failure = ClassifierError(error)
            try write([Record.failure(stream: name, code: failure.code, message: failure.message).json])
        }
        var end = JSONWriter(type: "end")
        end.add("stream", name)
        end.add("frames", tokens)
        try write([end.text])
        try result.get()
    }
}
