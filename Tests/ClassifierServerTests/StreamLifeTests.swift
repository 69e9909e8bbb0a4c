internal import ClassifierServer
internal import Testing

/// The lives of streams and connections, without sockets.
@Suite struct StreamLifeTests {
    @Test func streamEndsWhenItsQueueIsEmpty() {
        var life = StreamLife()
        let before = life.finish(isDrained: true)
        #expect(before == nil, "a running stream waits for audio")
        let first = life.end(.lost)
        #expect(first)
        let again = life.end(.complete)
        #expect(!again, "the first reason counts")
        let second = life.finish(isDrained: false)
        #expect(second == nil)
        let third = life.finish(isDrained: true)
        #expect(third == .lost)
        #expect(life.state == .ended)
        let fourth = life.finish(isDrained: true)
        #expect(fourth == nil, "a stream ends once")
        let late = life.end(.complete)
        #expect(!late)
    }

    @Test func failureReplacesTheReason() {
        var life = StreamLife()
        let first = life.end(.complete)
        #expect(first)
        life.fail(.failed(code: "x", message: "y"))
        let second = life.finish(isDrained: true)
        #expect(second == .failed(code: "x", message: "y"))
        life.fail(.stopped)
        #expect(life.state == .ended)
    }

    @Test func clientEndsFirst() {
        var life = ConnectionLife()
        let first = life.endInput(nil)
        #expect(first == [], "the input itself ends the stream")
        #expect(!life.takesInput && life.isServing, "the last lines are still to come")
        let finished = [life.finish(), life.finish()]
        #expect(finished == [true, false])
        let second = life.written()
        #expect(second == [.endOutput, .close])
        let third = life.broken()
        #expect(third == [])
        let fourth = life.timeout()
        #expect(fourth == [])
    }

    @Test func streamEndsFirst() {
        var life = ConnectionLife()
        let first = life.timeout()
        #expect(first == [], "a serving connection has no time limit")
        let second = life.finish()
        #expect(second)
        let third = life.written()
        #expect(third == [.endOutput])
        #expect(life.state == .lingering)
        let fourth = life.endInput(.lost)
        #expect(fourth == [.close])
        #expect(life.state == .closed)
    }

    @Test(arguments: [true, false])
    func slowClientIsClosed(isWritten: Bool) {
        var life = ConnectionLife()
        _ = life.finish()
        if isWritten { _ = life.written() }
        let first = life.timeout()
        #expect(first == [.close])
    }

    /// A connection that breaks ends its stream once, in every state.
    @Test func brokenConnectionEndsItsStream() {
        var life = ConnectionLife()
        let first = life.broken()
        #expect(first == [.endStream(.lost)])
        let second = life.broken()
        #expect(second == [])
        let isLate = life.finish()
        #expect(!isLate)
        let third = life.endInput(.lost)
        #expect(third == [])
        var ended = ConnectionLife()
        let fourth = ended.endInput(.lost)
        #expect(fourth == [.endStream(.lost)])
        let fifth = ended.broken()
        #expect(fifth == [])
    }
}
