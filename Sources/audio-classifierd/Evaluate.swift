import ArgumentParser
import AudioClassifier
import AudioFrontend
import Glibc
import Logging
import StreamTransformer
import StrictCoding

struct Evaluate: SettableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare a model with labelled recordings: accuracy, precision, events, delays, label errors.",
        discussion: """
            The data is a folder with a folder for each label, a folder of recordings with files of labels beside them \
            (Audacity, Raven), or a table (CSV, TSV, Raven) of files, labels and perhaps onsets and offsets in \
            seconds. docs/evaluation.md defines every number.

            Examples:
              audio-classifierd evaluate sounds/
              audio-classifierd evaluate test.csv --model keywords-en --format json \\
                  --output result.json
              audio-classifierd evaluate labels.csv --audio recordings/ --separator ';' \\
                  --predictions errors.csv
              audio-classifierd evaluate meadow/ --false-events-per-hour 0.5 \\
                  --write-config thresholds.yaml
              audio-classifierd evaluate sounds/ --rename barking=Dog --rename hum= \\
                  --given-labels-only
              audio-classifierd evaluate test.csv --plot curves.svg
            """)

    @Argument(help: "A folder of labelled recordings, or a table of them.", completion: .file())
    var data: [String]

    @OptionGroup(title: "Data") var source: LabelArguments

    // Not a setting: the variable of this name is for the formats of `classify`.
    @Option(help: "Tables for a reader, or one JSON object with everything.")
    var format = Format.table
    @Option(
        help: ArgumentHelp("Write the result to this file instead of standard output.", valueName: "file"),
        completion: .file())
    var output: String?
    @Option(
        help: ArgumentHelp(
            "Write a CSV of the recordings, with the likely errors of their labels first.", valueName: "file"),
        completion: .file(extensions: ["csv"]))
    var predictions: String?
    @Option(
        help: ArgumentHelp(
            "Draw the confusion matrix, the reliability and the curves of thresholds to this SVG file.",
            valueName: "file"), completion: .file(extensions: ["svg"]))
    var plot: String?
    @Option(EvaluationSettings.collar) var collarMs: Double
    @Flag(help: "Compare the beginnings of events alone, not their ends.")
    var onsetOnly = false
    @Option(EvaluationSettings.segment) var segment: Double
    @Option(EvaluationSettings.falseEvents) var falseEventsPerHour: Double?
    @Option(
        help: ArgumentHelp(
            "Write the thresholds for --false-events-per-hour to this file, a configuration of serve.",
            valueName: "file"
        ), completion: .file(extensions: ["yaml"]))
    var writeConfig: String?
    @Option(ProgramSettings.threads) var threads: Int?

    @OptionGroup(title: "Model") var modelArguments: ModelArguments
    @OptionGroup(title: "Input") var inputArguments: InputArguments
    @OptionGroup(title: "Decision") var decision: DecisionArguments
    @OptionGroup(title: "Messages") var logging: LogArguments

    static let settings: [any SettingDescription] =
        EvaluationSettings.all + [ProgramSettings.threads] + ModelArguments.settings + InputSettings.all
        + DecisionArguments.settings + ProgramSettings.logging

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    func validate() throws {
        guard writeConfig == nil || falseEventsPerHour != nil else {
            throw ValidationError("--write-config needs --false-events-per-hour, the rate that the thresholds are for.")
        }
    }

    func run() throws {
        logging.start()
        // Nothing is written yet: a signal may end the program while it waits for a table in a FIFO.
        let data = try source.read(self.data)
        let interrupt = StopSignal.install()
        let outputs = try openOutputs(data)
        let model = try modelArguments.load()
        let names = try LabelNames(model, renamed: source.renamed)
        let given = try names.resolve(Set(data.recordings.flatMap { $0.labels.map(\.text) }))
        let log = Logger(label: "audio-classifierd")
        for note in data.notes + given.notes { log.notice("\(note)") }

        var settings = decision.settings
        if source.givenLabelsOnly {
            settings.allow = Set(given.indices.values).sorted().map { model.labels[$0] }
        }
        let rules = try decision.withFileName {
            try RecordingObserver.Rules(model.network.configuration, settings)
        }
        var events = EventComparison()
        events.collar = collarMs / 1000
        events.isOnsetOnly = onsetOnly
        var segments = SegmentComparison()
        segments.length = segment
        let evaluator = RecordingEvaluator(
            model: model, rules: rules, counted: names.counted(Set(given.indices.values)),
            options: inputArguments.options(interrupt: interrupt),
            threads: threads ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let outcome = evaluator.run(
            data.recordings.map { RecordingEvaluator.Item($0, given.indices) },
            into: Evaluation(rules, events: events, segments: segments))
        if outcome.isStopped {
            throw StopSignal.Stopped("an evaluation needs all recordings, so there is no result")
        }
        for failure in data.failures + outcome.failures.map(\.error) { CommandFailure.report(failure) }
        if let first = outcome.overlong.first {
            let count = outcome.overlong.reduce(0) { $0 + $1.labels }
            let labels = Quantity.text(count, "label begins", "labels begin")
            let recordings = Quantity.word(count, "its recording", "their recordings")
            log.warning(
                """
                \(labels) behind the end of \(recordings) (the first is of \(first.file)); times are seconds from the \
                beginning of the recording
                """)
        }
        guard !outcome.evaluation.recordings.isEmpty else {
            let failure = data.failures.first ?? outcome.failures.first?.error
            throw ExitCode((failure?.status ?? .noInput).rawValue)
        }
        try write(outcome, model, outputs)
        if !data.failures.isEmpty || !outcome.failures.isEmpty { throw ExitCode(ExitStatus.data.rawValue) }
    }

    /// The files to write.
    private struct Outputs {
        let result: FileName?
        let predictions: FileName?
        let plot: FileName?
        let configuration: FileName?
    }

    /// Checks all outputs before the work.
    private func openOutputs(_ data: LabelledData) throws -> Outputs {
        let outputs = Outputs(
            result: output.map(ProgramArguments.file), predictions: predictions.map(ProgramArguments.file),
            plot: plot.map(ProgramArguments.file), configuration: writeConfig.map(ProgramArguments.file))
        let inputs = data.recordings.map(\.name) + self.data.map(ProgramArguments.file) + decision.files
        let named = [
            ("--output", outputs.result), ("--predictions", outputs.predictions), ("--plot", outputs.plot),
            ("--write-config", outputs.configuration),
        ]
        try OutputFiles.refuseRepeated(named)
        for (option, output) in named {
            guard let output, !output.isStandardInput else { continue }
            for input in inputs { try OutputFiles.refuse(output, over: input, option: option) }
            try OutputFiles.checkWritable(output, option: option)
        }
        if let plot = outputs.plot { try OutputFiles.check(plot, option: "--plot", kind: "svg") }
        return outputs
    }

    private func write(_ outcome: RecordingEvaluator.Outcome, _ model: AudioModel, _ outputs: Outputs) throws {
        let choices = falseEventsPerHour.map { ThresholdChoices(outcome.evaluation, falseEventsPerHour: $0) }
        let report = EvaluationReport(outcome, model: model, choices: choices)
        try write(format == .json ? [report.json] : report.lines, outputs.result)
        if let predictions = outputs.predictions {
            try write(report.predictions(separator: source.separator ?? "; "), predictions)
        }
        if let plot = outputs.plot { try write([EvaluationPlot.svg(PlotData(report))], plot) }
        guard let choices else { return }
        let log = Logger(label: "audio-classifierd")
        if !choices.unreached.isEmpty {
            let names = choices.unreached.prefix(5).joined(separator: ", ")
            let labels = Quantity.text(choices.unreached.count, "label has", "labels have")
            let get = Quantity.word(choices.unreached.count, "gets", "get")
            log.warning("\(labels) more false events at every threshold, and \(get) 1: \(names)")
        }
        let hours = outcome.evaluation.seconds / 3600
        if let falseEventsPerHour, falseEventsPerHour * hours < 1 {
            let rate = Decimal.text(falseEventsPerHour, 3)
            log.warning(
                """
                \(Decimal.text(hours, 3)) h of audio cannot show \(rate) false events an hour: no false event at all \
                is allowed; evaluate more audio
                """)
        }
        if let configuration = outputs.configuration {
            var settings = decision.configuration
            if source.givenLabelsOnly {
                let names = outcome.evaluation.givenLabels.sorted().map { JSONWriter.quoted(model.labels[$0]) }
                settings.removeAll { $0.key == DecisionSettings.allow.configurationKey }
                settings.append((DecisionSettings.allow.configurationKey, "[\(names.joined(separator: ", "))]"))
            }
            try write(
                choices.yaml(
                    model: modelArguments.model, arguments: ProgramArguments.read(), hours: hours, settings: settings,
                    given: Set(decision.classThreshold.map(\.label))),
                configuration)
        }
    }

    private func write(_ lines: [String], _ file: FileName?) throws {
        guard let file, !file.isStandardInput else { return try OutputSink().write(lines) }
        try WholeFile.write(Array(lines.map { $0 + "\n" }.joined().utf8), file)
    }
}
