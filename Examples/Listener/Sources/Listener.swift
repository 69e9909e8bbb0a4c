import AudioClassifier
import AudioFrontend
import Foundation

/// Listens to a recording or a microphone. It prints a line whenever another label becomes the most probable one, and a
/// line when an event starts and when it has ended:
///
///     listener general Front_Left.wav
///     arecord -q -t raw -f S16_LE -r 16000 -c 1 | listener keywords-en -
@main
struct Listener {
    static func main() {
        guard CommandLine.arguments.count == 3 else {
            write(
                "usage: listener MODEL FILE; FILE - is standard input: mono, 16 bits, at the model's rate",
                .standardError)
            exit(64)
        }
        do { try listen(to: CommandLine.arguments[2], with: CommandLine.arguments[1]) } catch {
            write("listener: \(error)", .standardError)
            exit(1)
        }
    }

    static func listen(to path: String, with name: String) throws {
        let model = try AudioModel(named: name)
        var classifier = try ClassifierPipeline(model)
        var detector = EventDetector(DecisionRules(model))
        var label = ""

        try classifier.classify(try input(path, rate: model.sampleRate)) { prediction in
            let best = prediction.best
            if best.label != label {
                write("\(seconds(prediction.time))  \(best.label) \(best.probability)")
                label = best.label
            }
            for event in detector.update(prediction) { write(event) }
        }
        for event in detector.finish() { write(event) }
    }

    /// Opens a recording of any format, or standard input as raw PCM.
    static func input(_ path: String, rate: Int) throws -> AudioInput {
        var options = InputOptions()
        if path == "-" {
            options.container = .raw
            options.sampleFormat = .s16le
        }
        return try AudioInput(path: path, rate: rate, options: options)
    }

    static func write(_ event: Event) {
        write("\(seconds(event.start))  \(event.isOngoing ? "begins" : "was heard"): \(event)")
    }

    static func seconds(_ time: Double) -> String { String(format: "%8.2f s", time) }

    /// Writes a line at once, whether or not a terminal reads it.
    static func write(_ line: String, _ file: FileHandle = .standardOutput) { file.write(Data((line + "\n").utf8)) }
}
