/// Places of events' bars and their words: nothing covers anything else, or leaves the picture.
package struct EventLanes {
    package struct Place {
        package let label: String
        package let lane: Int
        /// The time of the event, and the room of it and its words, both from the left edge of the lanes.
        package let bar, extent: ClosedRange<Double>
        /// The label as it fits, and where it begins; nil where there is no room for it.
        package let words: (text: String, left: Double)?
    }

    /// The least width of a bar, the space before and behind its words, and between neighbours.
    private static let leastWidth = 3.0
    private static let padding = 5.0
    private static let gap = 2.0

    package let places: [Place]
    package let laneCount: Int
    /// Bars that have no place.
    package let hiddenCount: Int

    /// Places bars, the longest first: where room is scarce, the shortest ones lose their words and then their places.
    /// - Parameters:
    ///   - width: the width that is the whole duration.
    ///   - fit: returns a label as it fits into a width, and its own width.
    package init(
        _ bars: [RecordingReport.Bar], seconds: Double, width: Double, mostLanes: Int,
        fit: (_ label: String, _ width: Double) -> (text: String, width: Double)
    ) {
        var taken: [[ClosedRange<Double>]] = []
        /// Takes room in the first lane that has it.
        func lane(_ extent: ClosedRange<Double>) -> Int? {
            let wide = (extent.lowerBound - Self.gap)...(extent.upperBound + Self.gap)
            let lane = taken.firstIndex { $0.allSatisfy { !$0.overlaps(wide) } } ?? taken.count
            guard lane < mostLanes else { return nil }
            if lane == taken.count { taken.append([]) }
            taken[lane].append(extent)
            return lane
        }
        let scale = width / max(seconds, 1e-9)
        var places: [Place] = []
        var fitted: [String: (text: String, width: Double)] = [:]
        for bar in bars.sorted(by: { ($1.end - $1.start, $0.start) < ($0.end - $0.start, $1.start) }) {
            let from = max(0, min(bar.start * scale, width - Self.leastWidth))
            let time = from...min(width, max(bar.end * scale, from + Self.leastWidth))
            let words = fitted[bar.label] ?? fit(bar.label, width - 2 * Self.padding)
            fitted[bar.label] = words
            // At the right edge, words begin before their bar.
            let wordsWidth = min(width, words.width + 2 * Self.padding)
            let left = max(0, min(time.lowerBound, width - wordsWidth))
            let extent = left...max(time.upperBound, left + wordsWidth)
            if let lane = lane(extent) {
                let words = (text: words.text, left: left + Self.padding)
                places.append(Place(label: bar.label, lane: lane, bar: time, extent: extent, words: words))
            } else if let lane = lane(time) {
                places.append(Place(label: bar.label, lane: lane, bar: time, extent: time, words: nil))
            }
        }
        self.places = places
        laneCount = max(1, taken.count)
        hiddenCount = bars.count - places.count
    }

    /// Whether bars have no words, for lack of room.
    var hasBareBars: Bool { places.contains { $0.words == nil } }
}
