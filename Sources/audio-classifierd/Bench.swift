public import ArgumentParser
internal import AudioClassifier
internal import ModelBenchmark
public import StreamTransformer

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Speed of each stage and of each attention system on this machine.",
        discussion: """
            Times are of one call on one thread: a frame of the front-end, a token through a whole model and through encoder layers, whose window is full. The maximum
            of moving landmarks is a segment's end. --operations counts multiply-adds instead of measuring.

            Examples:
              audio-classifierd bench
              audio-classifierd bench --attention continual-nystrom --window 120 --window 1920
              audio-classifierd bench --attention continual --weights int8
              audio-classifierd bench --attention continual-nystrom --landmarks fixed --window 120 --streams 64
              audio-classifierd bench --attention full --layers 2 --window 120
              audio-classifierd bench --model keywords-en --window 25 --window 480
              audio-classifierd bench --model general --window 32 --streams 64
              audio-classifierd bench --operations --layers 1 --layers 2
              audio-classifierd bench --operations --model keywords-en
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    @Option(help: "How to write it.")
    var format = Format.table

    @Option(help: "Only this attention system.")
    var attention: AttentionSystem.Kind?

    @Option(help: "Only these landmarks of continual-nystrom.")
    var landmarks: EncoderConfiguration.LandmarkUpdate?

    @Option(help: "Only this depth, of two layers and more.")
    var depth: EncoderConfiguration.Depth?

    @Option(help: "Encoder layers; may be repeated. (default: 1)")
    var layers: [Int] = []

    @Option(
        help: ArgumentHelp(
            "Tokens that attention looks back on; may be repeated. (default: 120, 480, 1920, 12000)",
            valueName: "tokens"))
    var window: [Int] = []

    @Option(help: "How layers keep their matrices.")
    var weights = WeightPrecision.float32

    @Option(help: "Streams that step together; times are then of one of them.")
    var streams = 1

    @Flag(help: "Print multiply-adds a step instead of times.")
    var operations = false

    @Option(help: "Also of this model (a name or a folder), and of layers like its.")
    var model: String?

    @OptionGroup(title: "Messages") var logging: LogArguments

    func validate() throws {
        for window in window where !(8...1_000_000).contains(window) {
            throw ValidationError("--window is in 8 ... 1000000.")
        }
        guard (1...4096).contains(streams) else { throw ValidationError("--streams is in 1 ... 4096.") }
        for layers in layers where !(1...64).contains(layers) { throw ValidationError("--layers is in 1 ... 64.") }
    }

    func run() throws {
        logging.start()
        var selection = AttentionSystem.Selection()
        (selection.kind, selection.landmarks, selection.depth) = (attention, landmarks, depth)
        selection.layers = layers
        let model = try model.map { try ModelCatalog().load($0, precision: weights) }
        if operations {
            let report = try OperationReport(
                selection, windows: window.isEmpty ? StageBenchmark.windows : window, model: model)
            return try OutputSink().write(format == .table ? report.table : report.json)
        }
        let benchmark = StageBenchmark(selection, windows: window, model: model, precision: weights, streams: streams)
        let progress = Progress.ifTerminal("bench")
        let rows = try benchmark.run { progress?.update($0, $1) }
        progress?.finish()
        try OutputSink().write(format == .table ? benchmark.table(rows) : StageBenchmark.json(rows))
    }
}

extension AttentionSystem.Kind: ExpressibleByArgument {}
extension EncoderConfiguration.LandmarkUpdate: ExpressibleByArgument {}
extension EncoderConfiguration.Depth: ExpressibleByArgument {}
