internal import Foundation
internal import Kernels
internal import Synchronization

/// The numbers of attention under long streams (docs/numerics.md, section 6): `make endurance`.
@main
struct Endurance {
    let steps: Int
    private static let failures = Atomic<Int>(0)

    static func main() {
        let steps = CommandLine.arguments.dropFirst().first.map { Int($0) ?? 0 } ?? 10_000_000
        guard steps >= 1000 else {
            print("usage: endurance [STEPS]\nSTEPS is at least 1000; the default is 10000000.")
            exit(64)
        }
        let endurance = Endurance(steps: steps)
        endurance.checkSums()
        endurance.checkSystems()
        let count = failures.load(ordering: .relaxed)
        write(count == 0 ? "\nevery contract is kept" : "\n\(count) contracts are not kept")
        exit(count == 0 ? 0 : 1)
    }

    private func checkSums() {
        Self.write(
            "Sliding sums, \(steps) tokens, \(Kernels.best.name) kernels; contract: Delta 2e-6, o_t 1e-5 (relative norms)"
        )
        Self.report(["signal", "window", "row of Delta", "o_t"], isMet: true)
        let cases = [120, 480, 12_000].flatMap { window in EnduranceSignal.all.map { (window, $0) } }
        DispatchQueue.concurrentPerform(iterations: cases.count) { index in
            let (window, signal) = cases[index]
            let errors = SumsEndurance(window: window, signal: signal, steps: steps).run()
            Self.report(
                ["\(signal)", "\(window)", Self.text(errors.delta), Self.text(errors.output)],
                isMet: errors.delta <= 2e-6 && errors.output <= 1e-5)
        }
    }

    private func checkSystems() {
        let steps = max(1000, steps / 50)
        Self.write("\nWhole models, \(steps) tokens, n = \(SystemEndurance.window); contract: logits 1e-4")
        Self.report(["system", "compared", "worst logit", "signal"], isMet: true)
        let systems = SystemEndurance.systems
        DispatchQueue.concurrentPerform(iterations: systems.count) { index in
            let (name, shape) = systems[index]
            do {
                for (signal, worst, checked) in try SystemEndurance(name: name, shape: shape, steps: steps).run() {
                    Self.report([name, "\(checked)", Self.text(worst), signal.rawValue], isMet: worst <= 1e-4)
                }
            } catch {
                Self.report([name, "", "", "\(error)"], isMet: false)
            }
        }
    }

    /// A line of a table as soon as it is known.
    private static func report(_ columns: [String], isMet: Bool) {
        let widths = [48, 10, 14, 14]
        let cells = zip(columns, widths).map { cell, width in
            cell + String(repeating: " ", count: max(1, width - cell.count))
        }
        write(cells.joined() + (isMet ? "" : "  ABOVE THE CONTRACT"))
        if !isMet { failures.add(1, ordering: .relaxed) }
    }

    private static func write(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    /// As 1.2e-07.
    private static func text(_ error: Double) -> String {
        guard error > 0, error.isFinite else { return "\(error)" }
        let exponent = Int(log10(error).rounded(.down))
        let digits = (error / pow(10, Double(exponent)) * 10).rounded() / 10
        return "\(digits)e\(exponent)"
    }
}
