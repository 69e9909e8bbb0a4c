/// The bound of what waits for a slow reader. A pure value.
package struct OutputLimit {
    /// Largest number of bytes.
    package static let bytes = 4 << 20

    /// Largest number of outputs.
    let outputs: Int

    package init(outputs: Int) { self.outputs = outputs }

    /// Returns the reason to drop a reader for which this much waits; nil if that is not too much.
    package func excess(outputs: Int, bytes: Int) -> String? {
        guard outputs > self.outputs || bytes > Self.bytes else { return nil }
        let waiting =
            outputs > self.outputs ? "\(self.outputs) outputs wait" : "\(Self.bytes >> 20) MiB of outputs wait"
        return "the client reads too slowly: \(waiting); read faster or ask for less"
    }
}
