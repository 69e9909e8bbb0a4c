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
}
