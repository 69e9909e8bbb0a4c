internal import Foundation

/// A two-dimensional array of little-endian float32 or float64, read from a `.npy` file of version 1.0:
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
package struct NumpyFloats {
    package let rows: Int
    package let columns: Int
    package let values: [Float]

    package init(path: String) throws {
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
        let length = Int(bytes[8]) | Int(bytes[9]) << 8
        let header = String(decoding: bytes[10..<10 + length], as: UTF8.self)
        let shape = header.split(separator: "(")[1].split(separator: ")")[0]
            .split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
        guard !header.contains("'fortran_order': True"), (1...2).contains(shape.count) else {
            throw CocoaError(.fileReadCorruptFile)
        }
        let (rows, columns) = (shape[0], shape.count == 2 ? shape[1] : 1)
        let isDouble = header.contains("'<f8'")
        let width = isDouble ? 8 : 4
        values = (0..<rows * columns).map { index in
            let first = 10 + length + index * width
            let pattern = (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[first + $1]) << UInt64(8 * $1) }
            return isDouble ? Float(Double(bitPattern: pattern)) : Float(bitPattern: UInt32(pattern))
        }
        (self.rows, self.columns) = (rows, columns)
    }
}
