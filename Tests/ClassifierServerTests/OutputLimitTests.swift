internal import ClassifierServer
internal import Testing

/// The bound of what waits for a slow reader.
@Suite struct OutputLimitTests {
    @Test func outputsAndBytesAreBounded() {
        let limit = OutputLimit(outputs: 16)
        #expect(limit.excess(outputs: 16, bytes: 4 << 20) == nil)
        #expect(limit.excess(outputs: 17, bytes: 0)?.contains("16 outputs wait") == true)
        #expect(limit.excess(outputs: 1, bytes: (4 << 20) + 1)?.contains("4 MiB of outputs wait") == true)
    }
}
