internal import AudioClassifier
internal import ClassifierServer
internal import Testing

/// Text messages of clients are small and flat, and everything else is refused with the code `control`.
@Suite struct ControlMessageTests {
    private func message(_ text: String) -> ControlMessage? { try? ControlMessage(text.utf8) }

    @Test(arguments: [
        (#"{"type":"end"}"#, ControlMessage.end),
        (#" { "type" : "end" , "note" : "a\"b", "x": null, "y":true } "#, .end),
        (#"{"type":"ping"}"#, .ping(id: nil)),
        (#"{"id":5,"type":"ping"}"#, .ping(id: 5)),
        (#"{"type":"ping","id":-1.5e2}"#, .ping(id: -150)),
        (#"{"type":"ping","id":1e300}"#, .ping(id: nil)),
        (#"{"type":"ping","id":"5"}"#, .ping(id: nil)),
        (#"{"type":"gap","lost_samples":480}"#, .gap(480)),
        (#"{"type":"gap","lost_samples":1099511627776}"#, .gap(1 << 40)),
    ])
    func understood(text: String, expected: ControlMessage) { #expect(message(text) == expected) }

    @Test(arguments: [
        "", "{}", "[]", "1", "{", "{\"type\"}", "{\"type\":}", "{\"type\":end}", "{\"type\":\"end\"",
        "{\"type\":\"end\"}}",
        "{\"type\":\"end\",}", "{\"type\":\"loud\"}", "{\"type\":\"end\",\"type\":\"end\"}", "{\"type\":\"end\\\"}",
        "{\"type\":\"ping\",\"x\":[]}", "{\"type\":\"ping\",\"x\":{}}", "{\"type\":\"ping\",\"id\":1e999}",
        "{\"type\":\"ping\",\"id\":0x1}", "{\"type\":\"ping\",\"id\":nan}", "{\"type\":\"gap\"}",
        "{\"type\":\"gap\",\"lost_samples\":1.5}", "{\"type\":\"gap\",\"lost_samples\":-1}",
        "{\"type\":\"gap\",\"lost_samples\":1099511627777}", "{\"type\":\"gap\",\"lost_samples\":\"1\"}",
        "{\"type\":\"end\n\"}",
    ])
    func refused(text: String) {
        let error = #expect(throws: ClassifierError.self) { try ControlMessage(text.utf8) }
        #expect(error?.code == "control")
    }

    @Test func largeMessagesAreNotRead() {
        let nested = String(repeating: "[", count: 1 << 20)
        #expect(throws: ClassifierError.self) { try ControlMessage(nested.utf8) }
        let long = "{\"type\":\"end\",\"x\":\"\(String(repeating: "a", count: ControlMessage.largest))\"}"
        #expect(throws: ClassifierError.self) { try ControlMessage(long.utf8) }
        #expect(throws: ClassifierError.self) { try ControlMessage([0x7B, 0xFF, 0x7D]) }
    }
}
