/// Streams of one model with a new token each: token i is row i of the workspace.
protocol StreamGroup: ~Copyable {
    var ready: Int { get }
    mutating func withMemory(_ index: Int, _ body: (inout StreamMemory) -> Void)
}

extension StreamMemory: StreamGroup {
    var ready: Int { 1 }
    mutating func withMemory(_ index: Int, _ body: (inout StreamMemory) -> Void) { body(&self) }
}
