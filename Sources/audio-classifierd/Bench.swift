import ArgumentParser
import ClassifierService

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Speed of each stage and of each attention system on this machine.",
        discussion: """
            Times are of one call on one thread: a frame of the front-end, a token through an encoder layer whose window is full.

            Examples:
              audio-classifierd bench
              audio-classifierd bench --attention continual-nystrom --window 120 --window 1920
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    @Option(help: "How to write it.")
    var format = Format.table

    @Option(help: "Only this attention system: continual, continual-nystrom.")
    var attention: String?

    @Option(
        help: ArgumentHelp(
            "Tokens that attention looks back on; may be repeated. (default: 120, 480, 1920, 12000)",
            valueName: "tokens"))
    var window: [Int] = []

    @OptionGroup(title: "Messages") var logging: LogArguments

    func validate() throws {
        if let attention, !StageBenchmark.attentions.contains(attention) {
            throw ValidationError("--attention is one of \(StageBenchmark.attentions.joined(separator: ", ")).")
        }
        for window in window where !(8...1_000_000).contains(window) {
            throw ValidationError("--window is in 8 ... 1000000.")
        }
    }

    func run() throws {
        logging.start()
        var benchmark = StageBenchmark()
        benchmark.attention = attention
        if !window.isEmpty { benchmark.windows = window }
        let rows = try benchmark.run()
        try OutputSink().write(format == .table ? StageBenchmark.table(rows) : StageBenchmark.json(rows))
    }
}
