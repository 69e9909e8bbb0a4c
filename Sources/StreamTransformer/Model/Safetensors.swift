internal import FoundationEssentials
internal import StrictCoding

/// A file of named tensors in the safetensors layout: 8 bytes of header length, a JSON header, raw little-endian
/// numbers.
///
/// The file is untrusted, so every size is checked before it is used.
package struct Safetensors: Sendable {
    package struct Tensor: Sendable, Equatable {
        package let shape: [Int]
        package let values: [Float]

        package init(shape: [Int], values: [Float]) {
            self.shape = shape
            self.values = values
        }
    }

    package let tensors: [String: Tensor]

    package init(tensors: [String: Tensor]) { self.tensors = tensors }

    /// Largest header that is read. A model's header needs a few kilobytes.
    private static let largestHeader = 1 << 20

    private struct Entry: Decodable {
        let dtype: String
        let shape: [Int]
        let offsets: [Int]
        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    private struct Header: Decodable {
        var entries: [String: Entry] = [:]
        struct Key: CodingKey {
            let stringValue: String
            let intValue: Int? = nil
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            for key in container.allKeys where key.stringValue != "__metadata__" {
                entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
            }
        }
    }

    /// Reads a file.
    /// - Throws: ``ModelError`` `tensors` if the layout is not valid.
    package init(bytes: [UInt8], name: String) throws(ModelError) {
        func wrong(_ reason: String) -> ModelError {
            ModelError(.tensors, "\(name): \(reason); the file is damaged or not in safetensors format")
        }
        guard bytes.count >= 8 else { throw wrong("has \(bytes.count) bytes") }
        let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        guard length <= UInt64(Self.largestHeader), Int(length) <= bytes.count - 8 else {
            throw wrong("says that its header has \(length) bytes, the file has \(bytes.count)")
        }
        let start = 8 + Int(length)
        guard JSONNesting.isShallow(bytes[8..<start]) else {
            throw wrong("its header has values in more than \(JSONNesting.deepest) levels")
        }
        let header: Header
        do { header = try StrictJSON.decode(Header.self, from: Array(bytes[8..<start])) } catch {
            let reason = (error as? DecodingError)?.explanation() ?? "it is not JSON"
            throw wrong("its header cannot be read (\(reason))")
        }
        // Invariant: offsets and counts are checked to lie inside the file before they are used, and products of
        // extents report their overflow.
        var tensors: [String: Tensor] = [:]
        var end = 0
        // Sorted by both offsets, because an empty tensor begins where the next one does.
        let entries = header.entries.sorted { $0.value.offsets.lexicographicallyPrecedes($1.value.offsets) }
        for (key, entry) in entries {
            guard entry.offsets.count == 2, entry.offsets[0] == end, entry.offsets[1] >= end,
                entry.offsets[1] <= bytes.count - start
            else {
                throw wrong("tensor \(key) lies at \(entry.offsets), which leaves a gap, overlaps or is outside")
            }
            end = entry.offsets[1]
            let size = entry.dtype == "F32" ? 4 : 2
            guard entry.dtype == "F32" || entry.dtype == "F16" else {
                throw wrong("tensor \(key) has the type \(entry.dtype), expected F32 or F16")
            }
            var count = 1
            for extent in entry.shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: extent)
                guard extent >= 0, !overflow else { throw wrong("tensor \(key) has the shape \(entry.shape)") }
                count = product
            }
            guard entry.shape.count <= 8, count <= bytes.count, count * size == end - entry.offsets[0] else {
                throw wrong(
                    "tensor \(key) has \(end - entry.offsets[0]) bytes, its shape \(entry.shape) does not fit them")
            }
            let values = Self.floats(bytes, start + entry.offsets[0], count, half: size == 2)
            if let index = values.firstIndex(where: { !$0.isFinite }) {
                throw ModelError(.tensors, "\(name): tensor \(key), element \(index) is not a finite number")
            }
            tensors[key] = Tensor(shape: entry.shape, values: values)
        }
        guard end == bytes.count - start else {
            throw wrong("has \(bytes.count - start - end) bytes behind its tensors")
        }
        self.tensors = tensors
    }

    private static func floats(_ bytes: [UInt8], _ start: Int, _ count: Int, half: Bool) -> [Float] {
        let span = bytes.span
        return (0..<count).map { index in
            let first = start + index * (half ? 2 : 4)
            let low = UInt32(span[first]) | UInt32(span[first + 1]) << 8
            if half { return Float(Float16(bitPattern: UInt16(low))) }
            return Float(bitPattern: low | UInt32(span[first + 2]) << 16 | UInt32(span[first + 3]) << 24)
        }
    }
}
