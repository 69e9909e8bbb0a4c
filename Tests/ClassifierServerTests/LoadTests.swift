internal import ClassifierServer
internal import Testing

/// Admission considers the whole process and late predictions, and old measurements lose their weight.
@Suite struct LoadTests {
    private func isTaken(_ admission: inout Admission, overhead: Double = 0, lateness: Double? = nil) -> Bool {
        let id = "s\(admission.count)"
        return (try? admission.admit(id, client: "a", cost: [0.001], overhead: overhead, lateness: lateness)) != nil
    }

    /// The loops have room, but sockets and lines use the processors.
    @Test func processIsALimitToo() {
        for processors in [1, 2] {
            var admission = Admission(
                loops: 1, limit: 1000, limitPerClient: 1000, load: 0.801, processors: processors)
            var count = 0
            while isTaken(&admission, overhead: 0.003) { count += 1 }
            #expect(count == 200 * processors)
        }
    }

    /// A service whose predictions are late refuses streams even if their costs would fit.
    @Test func latenessIsALimit() {
        var admission = Admission(loops: 1, limit: 1000, limitPerClient: 1000, load: 0.8)
        #expect(isTaken(&admission))
        let refusal = #expect(throws: AdmissionRefusal.self) {
            try admission.admit("late", client: "a", cost: [0.001], lateness: 0.35)
        }
        #expect(refusal?.reason == .capacity && (refusal?.retryAfter ?? 0) > 0)
        #expect(refusal?.message.contains("350 ms") == true)
        #expect(isTaken(&admission))
    }

    @Test func latenessIsAShareOfTheLastSeconds() {
        var lateness = LateRatio(limit: 0.1, allowed: 0.01)
        for index in 0..<1000 { lateness.record(index % 200 == 0 ? 0.3 : 0.01, at: 10 + Double(index) * 1e-3) }
        #expect(lateness.excess(at: 11) == nil, "5 of 1000 are late")
        for _ in 0..<10 { lateness.record(0.4, at: 12) }
        #expect(lateness.excess(at: 12) == 0.4)
        #expect(lateness.excess(at: 16.9) == 0.4)
        #expect(lateness.excess(at: 17) == nil, "the window has passed")
        lateness.record(9, at: 30)
        lateness.record(9, at: 30)
        #expect(lateness.excess(at: 30) == nil, "two late ones are an accident")
        #expect(lateness.excess(at: 3) == nil, "a clock that goes back reports no lateness")
    }

    @Test func overheadFollowsTheMachine() {
        var overhead = StreamOverhead()
        for _ in 0..<100 { overhead.update(processor: 0.01, inference: 0, audio: 0) }
        #expect(overhead.value < 2 * StreamOverhead.assumed, "the time of an idle process is not charged to streams")
        for _ in 0..<100 { overhead.update(processor: 1, inference: 0.2, audio: 200) }
        #expect(abs(overhead.value - 0.004) < 2e-4)
        for _ in 0..<100 { overhead.update(processor: 0.4, inference: 0.2, audio: 200) }
        #expect(abs(overhead.value - 0.001) < 2e-4)
    }

    /// A hundred streams of 0.5 ms a second, beside which a client keeps a processor busy for 8 of 11 seconds.
    @Test func floodsAreNotChargedToStreams() {
        var overhead = StreamOverhead()
        for second in 0..<200 {
            let isFlooded = second < 9 || second % 11 > 2
            overhead.update(processor: isFlooded ? 1 : 0.13, inference: 0.08, audio: 100)
            #expect(overhead.value < StreamOverhead.assumed + 1e-6, "second \(second)")
        }
        #expect(abs(overhead.value - 0.0005) < 2e-4)
    }

    private static let (small, large, other) = (
        ObjectIdentifier(Int8.self), ObjectIdentifier(Int64.self), ObjectIdentifier(Int32.self)
    )

    /// A new model is judged by its own cost, and running streams of another model do not change it.
    @Test func costsAreThoseOfModels() throws {
        var admission = Admission(loops: 2, limit: 1000, limitPerClient: 1000, load: 0.8)
        var costs = ModelCosts(loops: 2)
        func admit(_ model: ObjectIdentifier) -> Bool {
            let id = "s\(admission.count)"
            guard
                let loop = try? admission.admit(id, client: "a", cost: costs.costs(of: model), busy: costs.busy)
            else { return false }
            costs.enter(model, loop: loop)
            return true
        }
        costs.offer([Self.small], measured: [Self.small: 0.001])
        for _ in 0..<400 { #expect(admit(Self.small)) }
        for loop in 0..<2 { costs.update(Self.small, loop: loop, cost: 0.002) }
        #expect(costs.busy.allSatisfy { abs($0 - 0.4) < 1e-9 })
        #expect(abs(costs.mean - 0.002) < 1e-9)
        // The measurement of the small model at start does not replace the running streams' cost.
        costs.offer([Self.small, Self.large], measured: [Self.small: 0.001, Self.large: 0.09])
        for _ in 0..<8 { #expect(admit(Self.large)) }
        #expect(!admit(Self.large))
        #expect(admit(Self.small))
        #expect(costs.costs(of: Self.other) == [0.09, 0.09], "an unknown model counts as the most expensive one")
    }

    /// The costs of a model that is no longer offered are forgotten with its last stream.
    @Test func costsGoWithTheLastStream() {
        var costs = ModelCosts(loops: 1)
        costs.offer([Self.large], measured: [Self.large: 0.1])
        costs.enter(Self.large, loop: 0)
        costs.offer([Self.small], measured: [Self.small: 0.001])
        #expect(costs.costs(of: Self.large) == [0.1] && costs.busy == [0.1])
        costs.leave(Self.large, loop: 0)
        #expect(costs.costs(of: Self.large) == [0.001] && costs.busy == [0])
        // A stream that chose its model just before a reload.
        costs.enter(Self.other, loop: 0)
        #expect(costs.busy == [0.001])
        costs.leave(Self.other, loop: 0)
        #expect(costs.busy == [0] && costs.mean == 0.001)
    }

    /// A stream that made a model look too expensive for any further one leaves the first cost behind.
    @Test func costsOfAnIdleLoopAreTheFirstOnes() throws {
        var admission = Admission(loops: 2, limit: 1000, limitPerClient: 1000, load: 0.8)
        var costs = ModelCosts(loops: 2)
        costs.offer([Self.small], measured: [Self.small: 0.001])
        for loop in 0..<2 {
            costs.enter(Self.small, loop: loop)
            costs.update(Self.small, loop: loop, cost: 1.3)
        }
        costs.leave(Self.small, loop: 0)
        #expect(costs.costs(of: Self.small) == [0.001, 1.3])
        costs.leave(Self.small, loop: 1)
        #expect(costs.costs(of: Self.small) == [0.001, 0.001])
        _ = try admission.admit("next", client: "a", cost: costs.costs(of: Self.small), busy: costs.busy)
    }

    /// Audio that is sent ahead of real time has to wait, which is no lateness.
    @Test func realTimeSendersAreKnown() {
        var pace = TokenBucket.realTime
        for block in 0..<1000 { pace.spend(0.04, at: Double(block) * 0.04) }
        #expect(pace.tokens >= 0)
        pace.spend(60, at: 40)
        #expect(pace.tokens < 0)
        for block in 1..<100 { pace.spend(0.04, at: 40 + Double(block) * 0.04) }
        #expect(pace.tokens < 0, "the sender is a minute ahead")
        pace.spend(0.04, at: 200)
        #expect(pace.tokens >= 0)
    }
}
