internal import Foundation
internal import Kernels
internal import StreamTransformer
internal import TestSupport
internal import Testing

/// Errors of attention under long streams, against its definition in float64 (docs/numerics.md, section 6). The
/// environment variable `ENDURANCE_TOKENS` sets the number of tokens; `make endurance` runs ten million, and prints
/// every error.
@Suite struct EnduranceTests {
    private static let requested = ProcessInfo.processInfo.environment["ENDURANCE_TOKENS"].flatMap { Int($0) }
    private static let tokens = requested ?? TestScale.choose(5000, reduced: 1000)

    @Test(arguments: [120, 480, 12_000], EnduranceSignal.all)
    func slidingSumsStayWithinTheirContract(_ window: Int, _ signal: EnduranceSignal) {
        let errors = SumsEndurance(window: window, signal: signal, steps: Self.tokens).run()
        Self.report(
            "sliding sums, \(signal), window \(window): "
                + "Delta \(errors.delta), o_t \(errors.output), \(errors.checked) compared"
        )
        #expect(errors.checked > 0)
        #expect(errors.delta <= 2e-6, "a row of Delta, relative to its norm")
        #expect(errors.output <= 1e-5, "o_t, relative to its norm")
    }

    @Test(
        .enabled(if: TestScale.isFull || requested != nil, "the oracle takes minutes without optimisation"),
        arguments: SystemEndurance.systems)
    func modelsStayWithinTheirContract(_ system: SystemEndurance) throws {
        for (signal, worst, checked) in try system.run(
            steps: max(500, Self.tokens / 50), earlyStride: Self.requested == nil ? 119 : 7)
        {
            Self.report("\(system), \(signal.rawValue): worst logit \(worst), \(checked) compared")
            #expect(checked > 0)
            #expect(worst <= 1e-4, "a logit under \(signal.rawValue)")
        }
    }

    /// Prints a result of a long run at once.
    private static func report(_ line: String) {
        guard requested != nil else { return }
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }
}
