/// Named tensors, to be written in the safetensors layout.
package struct TensorFile: Sendable {
    package struct Tensor: Sendable, Equatable {
        package var shape: [Int]
        package var values: [Float]
        /// Whether the tensor is written in half precision.
        package var isHalf = false

        package init(_ shape: [Int], _ values: [Float], isHalf: Bool = false) {
            self.shape = shape
            self.values = values
            self.isHalf = isHalf
        }
    }

    package var tensors: [String: Tensor] = [:]

    package init() {}

    package subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set { tensors[name] = newValue }
    }

    /// 8 bytes of header length, the header in JSON, the numbers, little-endian.
    package var bytes: [UInt8] {
        var entries: [String] = []
        var data: [UInt8] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let start = data.count
            for value in tensor.values {
                if tensor.isHalf {
                    data += littleEndian(UInt64(Float16(value).bitPattern), 2)
                } else {
                    data += littleEndian(UInt64(value.bitPattern), 4)
                }
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            entries.append(
                #""\#(name)":{"dtype":"\#(tensor.isHalf ? "F16" : "F32")","shape":[\#(shape)],"#
                    + #""data_offsets":[\#(start),\#(data.count)]}"#)
        }
        return Self.bytes(header: "{\(entries.joined(separator: ","))}", data: data)
    }

    /// Returns a file with the given header, which may be invalid.
    package static func bytes(header: String, data: [UInt8]) -> [UInt8] {
        littleEndian(UInt64(header.utf8.count), 8) + Array(header.utf8) + data
    }
}

private func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
}
