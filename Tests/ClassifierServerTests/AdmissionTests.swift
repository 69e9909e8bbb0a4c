internal import ClassifierServer
internal import TestSupport
internal import Testing

/// Admission decides by the cost of streams, and forgets streams that have ended.
@Suite struct AdmissionTests {
    private func refusal(_ admission: inout Admission, _ id: String, client: String = "a", cost: [Double] = [0.1])
        -> AdmissionRefusal?
    {
        do throws(AdmissionRefusal) {
            _ = try admission.admit(id, client: client, cost: cost)
            return nil
        } catch { return error }
    }

    @Test func loadIsTheLimit() {
        var admission = Admission(loops: 1, limit: 100, limitPerClient: 100, load: 0.55)
        for number in 0..<5 { #expect(refusal(&admission, "s\(number)") == nil) }
        let refused = refusal(&admission, "s5")
        #expect(refused?.reason == .capacity && (refused?.retryAfter ?? 0) > 0)
        #expect(refused?.message.contains("60 %") == true && refused?.message.contains("55 %") == true)
        admission.release("s2")
        #expect(refusal(&admission, "s5") == nil)
        #expect(refusal(&admission, "s6", cost: [0.09]) == nil, "streams have become cheaper")
    }

    @Test func streamsGoToTheLeastBusyLoop() throws {
        var admission = Admission(loops: 3, limit: 100, limitPerClient: 100, load: 1)
        var counts = [0, 0, 0]
        for number in 0..<12 { counts[try admission.admit("s\(number)", client: "a", cost: [0.1, 0.1, 0.2])] += 1 }
        #expect(counts == [5, 5, 2])
    }

    @Test func streamsStayNearTheirConnections() throws {
        var admission = Admission(loops: 2, limit: 100, limitPerClient: 100, load: 0.45)
        let costs = [0.1, 0.1]
        var loops: [Int] = []
        for number in 0..<7 { loops.append(try admission.admit("s\(number)", client: "a", near: 1, cost: costs)) }
        #expect(loops == [1, 0, 1, 0, 1, 0, 1])
        #expect(try admission.admit("s7", client: "a", near: 1, cost: costs) == 0)
    }

    /// A small difference between the loops moves no stream away from its connection, and a large one does.
    @Test func smallDifferencesMoveNoStream() throws {
        var admission = Admission(loops: 2, limit: 1000, limitPerClient: 1000, load: 0.8)
        let costs = [0.002, 0.0022]
        var counts = [0, 0]
        for number in 0..<20 { counts[try admission.admit("a\(number)", client: "a", near: 1, cost: costs)] += 1 }
        #expect(counts == [0, 20])
        for number in 0..<300 { counts[try admission.admit("b\(number)", client: "a", near: 1, cost: costs)] += 1 }
        let difference = Double(counts[1]) * costs[1] - Double(counts[0]) * costs[0]
        #expect((0.045...0.055).contains(difference), "\(counts)")
    }

    @Test func limitsAreKept() {
        var admission = Admission(loops: 1, limit: 3, limitPerClient: 2, load: 1)
        #expect(refusal(&admission, "a1") == nil && refusal(&admission, "a2") == nil)
        #expect(refusal(&admission, "a1")?.reason == .duplicate)
        #expect(refusal(&admission, "a3")?.reason == .client)
        #expect(refusal(&admission, "b1", client: "b") == nil)
        #expect(refusal(&admission, "c1", client: "c")?.reason == .streams)
        admission.release("a1")
        #expect(refusal(&admission, "a3") == nil)
        admission.stop()
        #expect(refusal(&admission, "d1", client: "d")?.reason == .stopping)
    }

    /// Streams begin and end at random; none is counted twice or kept.
    @Test func endedStreamsAreForgotten() {
        var random = SplitMix64(seed: 3)
        var admission = Admission(loops: 2, limit: 20, limitPerClient: 5, load: 1)
        var running: Set<String> = []
        for _ in 0..<2000 {
            let id = "s\(random.integer(in: 0...40))"
            if random.integer(in: 0...1) == 0 {
                let client = "c\(random.integer(in: 0...6))"
                if refusal(&admission, id, client: client, cost: [0.05, 0.05]) == nil { running.insert(id) }
            } else {
                admission.release(id)
                running.remove(id)
            }
            #expect(Set(admission.assignments.keys) == running && admission.count <= 20)
        }
        for id in running { admission.release(id) }
        for number in 0..<5 { #expect(refusal(&admission, "n\(number)", cost: [0.05, 0.05]) == nil) }
    }

    @Test func meterFollowsTheMachine() {
        var meter = LoadMeter(cost: 0.01)
        #expect(meter.cost == 0.01)
        for _ in 0..<10_000 { meter.update(busy: 0.0008, audio: 0.04) }
        #expect(abs(meter.cost - 0.02) < 1e-4)
        meter.update(busy: 1, audio: 0)
        #expect(abs(meter.cost - 0.02) < 1e-4, "time without audio does not change the cost")
    }

    @Test func connectionsOfAnAddressAreLimited() {
        var limit = RateLimit(perSecond: 10)
        let first = (0..<20).filter { _ in limit.allows("1.2.3.4", at: 100) }.count
        #expect(first == 10)
        let other = limit.allows("5.6.7.8", at: 100)
        #expect(other, "another address has its own bucket")
        let later = (0..<20).filter { _ in limit.allows("1.2.3.4", at: 100.5) }.count
        #expect(later == 5)
        let before = (0..<20).filter { _ in limit.allows("1.2.3.4", at: 99) }.count
        #expect(before == 0, "a clock that goes back adds no tokens")
        for number in 0..<30_000 { _ = limit.allows("address \(number)", at: 200) }
        let again = limit.allows("1.2.3.4", at: 300)
        #expect(again)
    }
}
