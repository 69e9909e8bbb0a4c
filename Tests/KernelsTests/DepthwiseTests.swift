internal import Kernels
internal import TestSupport
internal import Testing

/// Depthwise convolutions against plain loops in float64.
@Suite struct DepthwiseTests {
    @Test(arguments: Kernels.available) func agreesWithFloat64(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 1)
        for channels in sizes {
            for (bands, stride) in [(1, 1), (1, 2), (2, 1), (3, 2), (7, 1), (8, 2)] {
                let (rows, bias) = (random.normals(9 * channels), random.normals(channels))
                let columnCount = (stride * (bands - 1) + 3) * channels
                // Three columns in any order, with gaps.
                let starts = [5 + columnCount, 1, 8 + 2 * columnCount]
                let columns = random.normals(9 + 3 * columnCount)
                var y = AlignedBuffer(count: bands * channels + 1, repeating: 7)
                kernels.depthwise(
                    DepthwiseFilter(rows: rows, bias: bias), AlignedBuffer(columns), oldest: starts[0],
                    middle: starts[1], newest: starts[2], bandStride: stride, bands: bands, into: &y)
                var expected: [Double] = []
                for f in 0..<bands {
                    for c in 0..<channels {
                        var sum = Double(bias[c])
                        for time in 0..<3 {
                            for band in 0..<3 {
                                let x = columns[starts[time] + (stride * f + band) * channels + c]
                                sum += Double(rows[9 * c + 3 * time + band]) * Double(x)
                            }
                        }
                        expected.append(max(sum, 0))
                    }
                }
                try compare(
                    floats(y, 0..<bands * channels), with: expected, absolute: 100 * ulp,
                    "\(channels) channels, \(bands) bands, stride \(stride)")
                #expect(y[bands * channels] == 7, "\(channels) channels: writes behind its outputs")
            }
        }
    }

    /// The result of a channel does not depend on the number of channels.
    @Test(arguments: Kernels.available) func channelsAreIndependentBitForBit(_ kernels: Kernels) throws {
        var random = SplitMix64(seed: 2)
        let (channels, bands) = (37, 4)
        let (rows, bias) = (random.normals(9 * channels), random.normals(channels))
        let columns = (0..<3).map { _ in (0..<bands + 2).map { _ in random.normals(channels) } }
        /// The output (bands, chosen channels).
        func output(_ chosen: Range<Int>) -> [Float] {
            let filter = DepthwiseFilter(
                rows: Array(rows[9 * chosen.lowerBound..<9 * chosen.upperBound]), bias: Array(bias[chosen]))
            let kept = AlignedBuffer(columns.flatMap { column in column.flatMap { $0[chosen] } })
            var y = AlignedBuffer(count: bands * chosen.count)
            let size = (bands + 2) * chosen.count
            kernels.depthwise(
                filter, kept, oldest: 0, middle: size, newest: 2 * size, bandStride: 1, bands: bands, into: &y)
            return floats(y)
        }
        let together = output(0..<channels)
        for first in 0..<channels {
            for count in [1, 5, 16, 17] where first + count <= channels {
                let expected = (0..<bands).flatMap { together[$0 * channels + first..<$0 * channels + first + count] }
                try compareBits(output(first..<first + count), with: expected, "channels \(first) ..< \(first + count)")
            }
        }
    }
}
