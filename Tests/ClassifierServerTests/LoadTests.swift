internal import ClassifierServer
internal import Testing

/// Admission looks at the whole process and at what is late, and both forget.
@Suite struct LoadTests {
    private func isTaken(_ admission: inout Admission, processCost: Double = 0, lateness: Double? = nil) -> Bool {
        let id = "s\(admission.count)"
        return (try? admission.admit(id, client: "a", cost: [0.001], processCost: processCost, lateness: lateness))
            != nil
    }

    /// A loop would have room, but sockets and lines take the processors.
    @Test func processIsALimitToo() {
        for processors in [1, 2] {
            var admission = Admission(
                loops: 1, limit: 1000, limitPerClient: 1000, load: 0.8, processors: processors)
            var count = 0
            while isTaken(&admission, processCost: 0.004) { count += 1 }
            #expect(count == 200 * processors)
        }
    }

    /// Whatever the costs say, a service that is late takes nobody, and says so.
    @Test func latenessIsALimit() {
        var admission = Admission(loops: 1, limit: 1000, limitPerClient: 1000, load: 0.8)
        #expect(isTaken(&admission))
        let refusal = #expect(throws: Refusal.self) {
            try admission.admit("late", client: "a", cost: [0.001], lateness: 0.35)
        }
        #expect(refusal?.reason == .capacity && (refusal?.retryAfter ?? 0) > 0)
        #expect(refusal?.message.contains("350 ms") == true)
        #expect(isTaken(&admission))
    }

    @Test func latenessIsAShareOfTheLastSeconds() {
        var lateness = Lateness(limit: 0.1, allowed: 0.01)
        for index in 0..<1000 { lateness.note(index % 200 == 0 ? 0.3 : 0.01, at: 10 + Double(index) * 1e-3) }
        #expect(lateness.excess(at: 11) == nil, "5 of 1000 are late")
        for _ in 0..<10 { lateness.note(0.4, at: 12) }
        #expect(lateness.excess(at: 12) == 0.4)
        #expect(lateness.excess(at: 16.9) == 0.4)
        #expect(lateness.excess(at: 17) == nil, "that is over")
        lateness.note(9, at: 30)
        lateness.note(9, at: 30)
        #expect(lateness.excess(at: 30) == nil, "two are an accident")
        #expect(lateness.excess(at: 3) == nil, "a clock that goes back says nothing")
    }

    @Test func costFollowsTheMachine() {
        var cost = StreamCost(inference: 0.001)
        let assumed = cost.value
        for _ in 0..<100 { cost.update(processor: 0.01, audio: 0) }
        #expect(cost.value < 2 * assumed, "an idle process's own time is no stream's")
        for _ in 0..<100 { cost.update(processor: 1, audio: 200) }
        #expect(abs(cost.value - 0.005) < 2e-4)
        for _ in 0..<100 { cost.update(processor: 0.4, audio: 200) }
        #expect(abs(cost.value - 0.002) < 2e-4)
    }

    /// Audio that is sent ahead of its time waits in a queue, which is nobody's lateness.
    @Test func paceTellsSendersApart() {
        var pace = SenderPace()
        for block in 0..<1000 { pace.note(0.04, at: UInt64(block) * 40_000_000) }
        #expect(pace.isRealTime)
        pace.note(60, at: 40_000_000_000)
        #expect(!pace.isRealTime)
        for block in 1..<100 { pace.note(0.04, at: 40_000_000_000 + UInt64(block) * 40_000_000) }
        #expect(!pace.isRealTime, "it is a minute ahead")
        pace.note(0.04, at: 200_000_000_000)
        #expect(pace.isRealTime)
    }
}
