internal import StreamTransformer
internal import TestSupport
internal import Testing

/// The reader of tensor files against sound files, and against all kinds of damaged ones.
@Suite struct SafetensorsTests {
    @Test func readsWhatWasWritten() throws {
        var random = SplitMix64(seed: 1)
        var file = TensorFile()
        file["a"] = TensorFile.Tensor([2, 3], random.normals(6))
        file["b.half"] = TensorFile.Tensor([4], [1, -0.5, 65504, 0.000061035156], isHalf: true)
        file["c"] = TensorFile.Tensor([], [-0.0])
        file["d"] = TensorFile.Tensor([1, 2, 1], [.greatestFiniteMagnitude, .leastNonzeroMagnitude])
        let tensors = try Safetensors(bytes: file.bytes, name: "file").tensors
        #expect(Set(tensors.keys) == ["a", "b.half", "c", "d"])
        for (name, expected) in file.tensors {
            let tensor = try #require(tensors[name])
            #expect(tensor.shape == expected.shape)
            try compareBits(tensor.values, with: expected.values, name)
        }
    }

    @Test func metadataIsIgnored() throws {
        let header = #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   "#
        let tensors = try Safetensors(bytes: TensorFile.bytes(header: header, data: [0, 0, 128, 63]), name: "file")
            .tensors
        #expect(tensors["a"]?.values == [1])
    }

    static let headers: [(entry: String, part: String)] = [
        (
            #""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#,
            "overlaps"
        ),
        (#""a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}"#, "tensor a lies at [4, 8], which leaves a gap"),
        (#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, "has 4 bytes behind its tensors"),
        (#""a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}"#, "is outside"),
        (#""a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#, "tensor a lies at [8, 0]"),
        (#""a":{"dtype":"F32","shape":[2],"data_offsets":[0]}"#, "tensor a lies at [0]"),
        (#""a":{"dtype":"F32","shape":[2],"data_offsets":[]}"#, "tensor a lies at []"),
        (#""a":{"dtype":"F32","shape":[2],"data_offsets":[-8,8]}"#, "tensor a lies at [-8, 8]"),
        (#""a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#, "its shape [3] does not fit"),
        (#""a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}"#, "tensor a has the shape [-2]"),
        (
            #""a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,8]}"#,
            "tensor a has the shape [4294967296"
        ),
        (#""a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]}"#, "does not fit"),
        (#""a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}"#, "does not fit"),
        (#""a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}"#, "tensor a has the type F64, expected F32 or F16"),
        (#""a":{"dtype":"F32","data_offsets":[0,8]}"#, "a.shape: the key is missing"),
        (#""a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}"#, "its header cannot be read"),
        (#""a":{"dtype":"F32","shape":[1e30],"data_offsets":[0,8]}"#, "its header cannot be read"),
        (#""a":[]"#, "its header cannot be read"),
        (#""a":"#, "its header cannot be read"),
    ]

    @Test(arguments: headers) func unsoundHeaderIsRefused(_ entry: String, _ part: String) {
        let bytes = TensorFile.bytes(header: "{\(entry)}", data: [UInt8](repeating: 0, count: 8))
        let error = #expect(throws: ModelError.self) { _ = try Safetensors(bytes: bytes, name: "file") }
        #expect(error?.code == .tensors)
        #expect(
            error?.message.hasPrefix("file: ") == true && error?.message.contains(part) == true,
            "\(error?.message ?? "")")
    }

    /// A sound file with any of its bytes changed, or cut short, is read or refused without a trap.
    @Test func damageStopsNothing() throws {
        var file = TensorFile()
        file["a"] = TensorFile.Tensor([2, 2], [1, 2, 3, 4])
        file["b"] = TensorFile.Tensor([3], [1, 2, 3], isHalf: true)
        let sound = file.bytes
        var random = SplitMix64(seed: 2)
        for length in 0..<sound.count {
            #expect(throws: ModelError.self, "\(length) of \(sound.count) bytes") {
                _ = try Safetensors(bytes: Array(sound[..<length]), name: "file")
            }
        }
        for _ in 0..<TestScale.choose(5000, reduced: 300) {
            var bytes = sound
            for _ in 0...random.integer(in: 0...2) {
                bytes[random.integer(in: 0...bytes.count - 1)] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let tensors = try? Safetensors(bytes: bytes, name: "file").tensors else { continue }
            #expect(tensors.values.allSatisfy { $0.values.count == $0.shape.reduce(1, *) })
        }
    }
}
