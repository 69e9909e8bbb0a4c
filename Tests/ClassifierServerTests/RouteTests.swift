internal import ClassifierServer
internal import FoundationEssentials
internal import NIOHTTP1
internal import Testing

/// Requests find their handlers by the table of routes, and wrong requests get the right refusal.
@Suite struct RouteTests {
    private let table = RouteTable([
        Route(.GET, "/", needsToken: false, "the page", handler: 0),
        Route(.GET, "/v1/streams/ID", "a stream", handler: 1),
        Route(.GET, "/v1/streams/ID/state", "get", handler: 2),
        Route(.PUT, "/v1/streams/ID/state", "put", handler: 3),
        Route(.POST, "/v1/classify", "a file", handler: 4),
        Route(nil, "/v1/stream", "a WebSocket", handler: 5),
        Route(nil, "/v1/streams/ID/watch", "another one", handler: 6),
        Route(.GET, "/page.js", needsToken: false, handler: 7),
    ])

    private func result(_ method: HTTPMethod, _ path: String) throws -> String {
        switch table.route(method, try #require(RequestTarget(path)).path) {
        case .found(let handler, let id): "\(handler) \(id)"
        case .notAllowed(let allow): allow
        case .upgradeRequired: "upgrade"
        case .notFound: "none"
        }
    }

    @Test func handlersAreFound() throws {
        #expect(try result(.GET, "/") == "0 " && result(.HEAD, "/") == "0 ")
        #expect(try result(.GET, "/v1//streams/a%20b/?x=1") == "1 a b")
        #expect(
            try result(.GET, "/v1/streams/mic/state") == "2 mic" && result(.HEAD, "/v1/streams/mic/state") == "2 mic")
        #expect(try result(.PUT, "/v1/streams/mic/state") == "3 mic")
        #expect(try result(.POST, "/v1/classify") == "4 ")
        #expect(table.webSocket(["v1", "stream"])?.handler == 5)
        let watch = table.webSocket(["v1", "streams", "mic", "watch"])
        #expect(watch?.handler == 6 && watch?.id == "mic")
    }

    @Test func refusalsFollowFromTheTable() throws {
        #expect(try result(.POST, "/") == "GET, HEAD" && result(.HEAD, "/v1/classify") == "POST")
        #expect(try result(.DELETE, "/v1/streams/mic/state") == "GET, HEAD, PUT")
        #expect(try result(.GET, "/v1/stream") == "upgrade" && result(.POST, "/v1/streams/mic/watch") == "upgrade")
        #expect(try result(.GET, "/v1") == "none" && result(.GET, "/v1/streams/mic/state/x") == "none")
        #expect(table.webSocket(["v1", "classify"]) == nil && table.webSocket([]) == nil)
    }

    @Test func tokensAreNeededByDefault() {
        #expect(!table.needsToken([]) && !table.needsToken(["page.js"]))
        #expect(table.needsToken(["v1", "classify"]) && table.needsToken(["nothing"]))
    }

    /// docs/clients.md shows the table as it is.
    @Test func documentationIsTheTable() throws {
        let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        let file = URL(filePath: package.joined(separator: "/") + "/docs/clients.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text.contains("\n\(Routes.documentation)\n"), "expected:\n\(Routes.documentation)")
    }
}
