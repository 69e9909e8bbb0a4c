package import AudioClassifier
package import AudioFrontend
internal import FoundationEssentials
internal import Synchronization

/// The stage of the front-end whose output is kept.
package enum FeatureStage: String, Sendable, CaseIterable {
    /// Log-mel frames.
    case features
    /// Mono samples at the front-end's rate.
    case samples
}

/// A converter from audio files to arrays of a model's features.
package struct FeatureExtraction: Sendable {
    private let recipe: LogMelRecipe
    private let samplesOnly: Bool
    private let options: InputOptions

    /// - Parameter samplesOnly: whether to stop before the front-end, at mono samples of its rate.
    package init(recipe: LogMelRecipe, samplesOnly: Bool, options: InputOptions) {
        self.recipe = recipe
        self.samplesOnly = samplesOnly
        self.options = options
    }

    /// Converts one input to one `.npy` file.
    /// - Throws: ``StopSignal/Stopped`` after a signal; no file is then written.
    package func run(_ input: FileName, out: FileName) throws {
        var audio = try AudioInput(input, rate: recipe.sampleRate, options: options)
        let writer = try NumpyWriter(path: out, columns: samplesOnly ? nil : recipe.bands)
        try run(&audio) { try writer.append($0) }
        try StopSignal.check("\(out) was not written")
        try writer.close()
    }

    /// Converts an input that is open, and hands over whole rows.
    func run(_ audio: inout AudioInput, _ body: (Span<Float>) throws -> Void) throws {
        var extractor = try LogMelExtractor(recipe)
        var failure: (any Error)?
        func receive(_ values: Span<Float>) {
            guard failure == nil else { return }
            do { try body(values) } catch { failure = error }
        }
        while failure == nil,
            try audio.read({ samples in
                if samplesOnly { receive(samples) } else { extractor.push(samples) { receive($0) } }
            })
        {}
        if !StopSignal.isRaised { audio.missingAudio.forEach(options.warn) }
        if !samplesOnly { extractor.finish { receive($0) } }
        if let failure { throw failure }
    }

    /// Converts every audio file below `folder` to a file below `out`, which mirrors it: `a/b.ogg` becomes
    /// `a/b.ogg.npy`.
    /// - Returns: the failures; all other files are done.
    package func run(folder: FileName, out: FileName, warn: (String) -> Void, progress: Progress?) throws
        -> [ClassifierError]
    {
        var search = FileSearch()
        search.add(below: folder)
        if let warning = search.warning { warn(warning) }
        let files = search.files
        guard !files.isEmpty else {
            throw search.failures.first
                ?? ClassifierError(.noInput, code: "not_found", "\(folder): there is no audio file below this folder")
        }
        let start = folder.appending("").bytes.count
        @Sendable func target(_ file: FileName) -> FileName {
            out.appending(FileName(bytes: file.bytes[start...] + Array(".npy".utf8)))
        }
        for parent in Set(files.map { target($0).folder }) { try OutputFiles.makeFolder(parent) }
        let failures = Mutex<[ClassifierError]>(search.failures)
        let done = Atomic<Int>(0)
        ParallelWork.run(files, threads: ProcessInfo.processInfo.activeProcessorCount) { file -> ClassifierError? in
            guard !StopSignal.isRaised else { return nil }
            do {
                try run(file, out: target(file))
                return nil
            } catch is StopSignal.Stopped {
                return nil
            } catch {
                return ClassifierError(error)
            }
        } deliver: { file, failure in
            if let failure { failures.withLock { $0.append(failure) } }
            let count = done.add(1, ordering: .relaxed).newValue
            progress?.update(Double(count) / Double(files.count), file.description)
        }
        progress?.finish()
        try StopSignal.check("the arrays in \(out) are whole, and others are missing")
        return failures.withLock { $0 }
    }
}
