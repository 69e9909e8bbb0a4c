internal import FoundationEssentials
internal import Glibc
internal import TestSupport
internal import Testing

/// A fuzzer in the process: feeds mutations of a corpus to a reader for some seconds.
///
/// `FUZZ_SECONDS` is the time of each target, `FUZZ_SEED` another sequence of inputs. Before each execution the input
/// is in a file that survives a trap, `fuzz-NAME.input` in the temporary folder; a run that returns removes it. An
/// execution that takes more than ``patience`` is a failure, and its input is kept.
struct Fuzzer {
    /// Longest execution, in seconds of the processor: a busy machine is no fault. Two suites run at once and share the
    /// count, so that each has ten seconds.
    static let patience = 20.0
    private static let largest = 1 << 16

    let name: String
    let corpus: [[UInt8]]
    /// Words that mutations insert, such as keys of a format.
    var dictionary: [String] = []

    /// Seconds of each target.
    static var seconds: Double { ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap { Double($0) } ?? 1 }
    private static var seed: UInt64 { ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1 }

    /// Executes `body` with the corpus, then with mutations of it. Errors that it throws are refusals.
    func run(_ body: ([UInt8]) throws -> Void) throws {
        try #require(!corpus.isEmpty)
        var random = SplitMix64(seed: Self.seed)
        let path = "\(TemporaryFolder.path)/fuzz-\(name).input"
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        try #require(descriptor >= 0)
        let (began, end) = (Self.now(), Self.now() + Self.seconds)
        var (runs, refusals) = (0, 0)
        while runs < corpus.count || Self.now() < end {
            let input = runs < corpus.count ? corpus[runs] : mutation(&random)
            _ = ftruncate(descriptor, off_t(input.count))
            _ = unsafe pwrite(descriptor, input, input.count, 0)
            let start = Self.work()
            do { try body(input) } catch { refusals += 1 }
            runs += 1
            guard Self.work() - start <= Self.patience else {
                Issue.record(
                    "\(name): an input of \(input.count) bytes took \(Self.work() - start) s; it is in \(path)")
                return
            }
        }
        close(descriptor)
        _ = unsafe unlink(path)
        print("\(name): \(runs) executions, \(refusals) refused, in \(Int(Self.now() - began)) s")
    }

    /// Returns a member of the corpus with a few changes, most of them near its beginning.
    private func mutation(_ random: inout SplitMix64) -> [UInt8] {
        var bytes = corpus[random.integer(in: 0...corpus.count - 1)]
        for _ in 0..<[1, 1, 2, 4, 16][random.integer(in: 0...4)] {
            guard !bytes.isEmpty else { return [] }
            let reach = min(bytes.count, [48, 200, bytes.count][random.integer(in: 0...2)])
            let position = random.integer(in: 0...reach - 1)
            let length = random.integer(in: 1...32)
            switch random.integer(in: 0...8) {
            case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[position] ^= 1 << UInt8(random.integer(in: 0...7))
            case 2, 3:
                write(Self.numbers[random.integer(in: 0...Self.numbers.count - 1)], at: position, &bytes, &random)
            case 4: bytes.removeSubrange(position..<min(bytes.count, position + length))
            case 5:
                let from = random.integer(in: 0...bytes.count - 1)
                bytes.insert(contentsOf: Array(bytes[from..<min(bytes.count, from + length)]), at: position)
            case 6:
                let other = corpus[random.integer(in: 0...corpus.count - 1)]
                let from = random.integer(in: 0...max(0, other.count - 1))
                bytes.insert(contentsOf: other[from..<min(other.count, from + length)], at: position)
            case 7 where !dictionary.isEmpty:
                bytes.insert(contentsOf: dictionary[random.integer(in: 0...dictionary.count - 1)].utf8, at: position)
            default: if random.integer(in: 0...3) == 0 { bytes.removeSubrange(position...) }
            }
        }
        return Array(bytes.prefix(Self.largest))
    }

    /// Numbers at the ends of integer types.
    private static let numbers: [UInt64] =
        [0, 1, 2, 3, 127, 255, 256, 0x7FFF, 0xFFFF, 1 << 20, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 46, 1 << 48]
        + [0x7FF0_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max]

    /// Writes the bytes of a number, in one of both orders and in 2, 4 or 8 bytes.
    private func write(_ number: UInt64, at position: Int, _ bytes: inout [UInt8], _ random: inout SplitMix64) {
        let count = [2, 4, 8][random.integer(in: 0...2)]
        let isBig = random.integer(in: 0...1) == 0
        for index in 0..<count where position + index < bytes.count {
            let shift = UInt64(8 * (isBig ? count - 1 - index : index))
            bytes[position + index] = UInt8(truncatingIfNeeded: number >> shift)
        }
    }

    private static func now() -> Double { seconds(CLOCK_MONOTONIC) }

    /// Returns the processor's seconds for this process.
    private static func work() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// The folder for files that outlive a trap.
private enum TemporaryFolder {
    static var path: String { ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp" }
}
