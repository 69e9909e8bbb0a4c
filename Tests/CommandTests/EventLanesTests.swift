internal import TestSupport
internal import Testing
internal import audio_classifierd

/// The places of events in a picture.
@Suite struct EventLanesTests {
    private static let width = 1110.0
    private static let mostLanes = 4

    /// Events of an hour: as many as a crowded street has, some of them at its very end.
    private static func bars(_ count: Int) -> [RecordingReport.Bar] {
        var generator = SplitMix64(seed: 5)
        func random() -> Double { Double(generator.next() >> 11) / 9_007_199_254_740_992 }
        return (0..<count).map { index in
            let start = index % 10 == 0 ? 3600 - 5 * random() : 3590 * random()
            let label = String(repeating: "w", count: 3 + index % 30)
            return RecordingReport.Bar(label: label, start: start, end: min(3600, start + 60 * random() * random()))
        }
    }

    private static func lanes(_ bars: [RecordingReport.Bar]) -> EventLanes {
        EventLanes(bars, seconds: 3600, width: width, mostLanes: mostLanes) { label, most in
            let letters = min(label.count, Int(most / 9))
            return (String(label.prefix(letters)), 9 * Double(letters))
        }
    }

    @Test(arguments: [1, 4, 3000]) func nothingOverlapsOrLeavesThePicture(count: Int) {
        let bars = Self.bars(count)
        let lanes = Self.lanes(bars)
        #expect(lanes.places.count + lanes.hiddenCount == count && lanes.laneCount <= Self.mostLanes)
        for lane in 0..<lanes.laneCount {
            let own = lanes.places.filter { $0.lane == lane }.sorted { $0.extent.lowerBound < $1.extent.lowerBound }
            for (one, other) in zip(own, own.dropFirst()) {
                #expect(one.extent.upperBound + 2 <= other.extent.lowerBound, "\(one), \(other)")
            }
        }
        for place in lanes.places {
            #expect(place.extent.lowerBound >= 0 && place.extent.upperBound <= Self.width + 1e-9)
            #expect(place.extent.contains(place.bar.lowerBound) && place.extent.contains(place.bar.upperBound))
            guard let words = place.words else { continue }
            #expect(place.extent.lowerBound < words.left)
            #expect(words.left + 9 * Double(words.text.count) < place.extent.upperBound)
        }
        if count <= Self.mostLanes { #expect(lanes.places.allSatisfy { $0.words != nil }) }
    }

    /// Where an event has lost its words, or its place, each lane has a longer event, or one as long, in its way.
    @Test func shortEventsLoseTheirWordsFirst() throws {
        let bars = Self.bars(3000)
        let places = Self.lanes(bars).places
        #expect(places.contains { $0.words == nil } && places.count < bars.count)
        let longest = try #require(bars.max { $0.end - $0.start < $1.end - $1.start })
        #expect(places.contains { $0.label == longest.label && $0.words != nil })
        // Places come in the order of the lengths.
        let scale = Self.width / 3600
        for (index, place) in places.enumerated() where place.words == nil {
            let words = min(Self.width, 9 * Double(place.label.count) + 10)
            let left = min(place.bar.lowerBound, Self.width - words)
            let whole = (left - 2)...(max(place.bar.upperBound, left + words) + 2)
            for lane in 0..<Self.mostLanes {
                let inTheWay = places[..<index].contains { $0.lane == lane && $0.extent.overlaps(whole) }
                #expect(inTheWay, "\(place.label) at \(place.bar.lowerBound / scale) s has room in lane \(lane)")
            }
        }
    }

    /// At the right edge, words begin before their bar.
    @Test func wordsAtTheRightEdge() throws {
        let bar = RecordingReport.Bar(label: "wwww", start: 3599, end: 3600)
        let place = try #require(Self.lanes([bar]).places.first)
        #expect(place.bar.upperBound == Self.width && place.bar.lowerBound == Self.width - 3)
        #expect(place.words?.text == "wwww" && place.words?.left == Self.width - 36 - 5)
    }
}
