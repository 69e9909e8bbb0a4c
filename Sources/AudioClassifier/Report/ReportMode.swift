/// The records that are made of a stream's predictions.
package enum ReportMode: String, Sendable, CaseIterable {
    /// Every prediction.
    case frames
    /// A prediction whose most probable label differs from that of the one before.
    case changes
    /// Events with beginning and end.
    case events
    /// One summary of the whole input.
    case summary

    /// Names of a table's columns.
    var columns: [String] {
        switch self {
        case .frames, .changes: ["stream", "frame", "sample", "t", "warm", "rank", "label", "p", "dbfs"]
        case .events: ["id", "stream", "label", "t0", "t1", "p_max"]
        case .summary: ["file", "seconds", "rank", "label", "p"]
        }
    }
}
