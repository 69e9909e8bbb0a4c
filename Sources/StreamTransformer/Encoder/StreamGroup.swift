/// Streams of one model, each with a new token. Token i is row i of the workspace.
protocol StreamGroup: ~Copyable {
    /// Number of streams.
    var ready: Int { get }
    /// Calls `body` with the memory of stream `index`.
    mutating func withMemory(_ index: Int, _ body: (inout StreamMemory) -> Void)
}

extension StreamMemory: StreamGroup {
    var ready: Int { 1 }
    mutating func withMemory(_ index: Int, _ body: (inout StreamMemory) -> Void) { body(&self) }
}
