internal import AudioClassifier
internal import Foundation
internal import StrictCoding
internal import TestSupport
internal import Testing

@Suite struct DecimalTests {
    @Test func fewestDigits() {
        let cases: [(Double, Int, String)] = [
            (0, 0, "0"), (0, 6, "0"), (-0.0, 4, "0"), (5, 3, "5"), (0.91, 4, "0.91"), (-31.2, 1, "-31.2"),
            (0.05, 1, "0.1"), (0.04, 1, "0"), (-0.04, 1, "0"), (-0.06, 1, "-0.1"), (1.999, 2, "2"), (9.99951, 3, "10"),
            (0.000001, 6, "0.000001"), (0.0000004, 6, "0"), (1.05, 2, "1.05"), (100.001, 3, "100.001"),
            (-120, 1, "-120"), (2.5, 0, "3"), (123456789.125, 6, "123456789.125"), (3_000_000_000, 6, "3000000000"),
        ]
        for (value, decimals, text) in cases {
            #expect(Decimal.text(value, decimals) == text)
        }
    }

    /// Every number has a text. A sample of a stream, a gap of a client or a broken model may lead to any of them.
    @Test func anyNumber() throws {
        for (value, text) in [(Double.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")] {
            #expect(Decimal.text(value, 6) == text)
        }
        var random = SplitMix64(seed: 7)
        let huge = (0..<2000).map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite)
        for value in huge + [1e13, -1e13, 0x1p63, -0x1p63, 1e20, Double.greatestFiniteMagnitude] {
            let text = Decimal.text(value, 6)
            let read = try #require(Double(text), "\(value) is written as \(text)")
            #expect(abs(read - value) <= max(5e-7, abs(value) * 1e-15), "\(value) is written as \(text)")
        }
    }

    @Test func jsonHasNoOtherNumbers() {
        for value in [Double.nan, .infinity, -.infinity] {
            var line = JSONWriter()
            line.add("t", value, decimals: 6)
            #expect(line.text == "{\"t\":null}")
        }
    }

    @Test func sumsStopAtTheEndsOfTheirType() {
        #expect(Int64.max.addingSaturated(1) == .max && Int64.min.addingSaturated(-1) == .min)
        #expect((Int64.max - 5).addingSaturated(3) == .max - 2 && UInt64.max.addingSaturated(1) == .max)
    }

    /// Equals the C library's formatting without trailing zeros.
    @Test func isTheNearestDecimal() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<2000 {
            let decimals = random.integer(in: 1...6)
            let value = random.normal() * [0.001, 1, 1000, 100_000][random.integer(in: 0...3)]
            let text = Decimal.text(value, decimals)
            let read = try #require(Double(text))
            let reference = try #require(Double(String(format: "%.\(decimals)f", value)))
            #expect(abs(read - reference) <= 1e-9 * max(1, abs(value)), "\(value) with \(decimals) decimals: \(text)")
            #expect(!text.contains(".") || !text.hasSuffix("0"))
            #expect(text != "-0")
        }
    }

    @Test func oneThingHasTheSingular() {
        #expect([0, 1, 2].map { Quantity.text($0, "file") } == ["0 files", "1 file", "2 files"])
        #expect([1, 3].map { Quantity.text($0, "file was", "files were") } == ["1 file was", "3 files were"])
        #expect([1, 2].map { Quantity.word($0, "its", "their") } == ["its", "their"])
    }
}
