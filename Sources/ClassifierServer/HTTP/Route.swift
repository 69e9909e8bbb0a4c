package import NIOHTTP1

/// A row of a table of routes.
package struct Route<Handler: Sendable>: Sendable {
    /// The path, in which the segment `ID` stands for any one segment.
    package let path: String
    /// The method; nil for a WebSocket. A route for GET also answers HEAD.
    package let method: HTTPMethod?
    package let needsToken: Bool
    /// A line for the documentation; nil for the parts of the page.
    package let documentation: String?
    package let handler: Handler
    private let segments: [Substring]

    package init(
        _ method: HTTPMethod?, _ path: String, needsToken: Bool = true, _ documentation: String? = nil,
        handler: Handler
    ) {
        self.path = path
        self.method = method
        self.needsToken = needsToken
        self.documentation = documentation
        self.handler = handler
        segments = path.split(separator: "/")
    }

    /// Compares a decoded path with the route's.
    /// - Returns: nil if they differ; otherwise the segment for `ID`, which is empty in a path without one.
    func match(_ path: [String]) -> String? {
        guard path.count == segments.count else { return nil }
        var id = ""
        for (segment, expected) in zip(path, segments) {
            if expected == "ID" { id = segment } else if segment != expected { return nil }
        }
        return id
    }

    func answers(_ method: HTTPMethod) -> Bool { self.method == method || self.method == .GET && method == .HEAD }
}

/// The routes of a server. A pure value: lookups depend on method and path alone.
package struct RouteTable<Handler: Sendable>: Sendable {
    package enum Result {
        /// The handler, and the segment for `ID`.
        case found(Handler, id: String)
        /// The path has other methods, which the header `Allow` names.
        case notAllowed(allow: String)
        /// The path is a WebSocket's.
        case upgradeRequired
        case notFound
    }

    package let routes: [Route<Handler>]

    package init(_ routes: [Route<Handler>]) { self.routes = routes }

    /// Finds the handler of a request.
    package func route(_ method: HTTPMethod, _ path: [String]) -> Result {
        let matches = routes.compactMap { route in route.match(path).map { (route: route, id: $0) } }
        if let match = matches.first(where: { $0.route.answers(method) }) {
            return .found(match.route.handler, id: match.id)
        }
        let methods = matches.compactMap(\.route.method).flatMap { $0 == .GET ? ["GET", "HEAD"] : [$0.rawValue] }
        if !methods.isEmpty { return .notAllowed(allow: methods.joined(separator: ", ")) }
        return matches.isEmpty ? .notFound : .upgradeRequired
    }

    /// Finds the handler of a WebSocket.
    package func webSocket(_ path: [String]) -> (handler: Handler, id: String)? {
        for route in routes where route.method == nil {
            if let id = route.match(path) { return (route.handler, id) }
        }
        return nil
    }

    /// Whether requests for a path need a token; those for unknown paths do.
    package func needsToken(_ path: [String]) -> Bool {
        routes.first { $0.match(path) != nil }?.needsToken ?? true
    }

    /// Documented paths without an `ID`, each one once, for the answer to an unknown path.
    package var fixedPaths: [String] {
        routes.filter { $0.documentation != nil && !$0.path.split(separator: "/").contains("ID") }.map(\.path)
    }

    /// Paths of WebSockets.
    package var webSocketPaths: [String] { routes.filter { $0.method == nil }.map(\.path) }

    /// The rows of a Markdown table.
    package var documentation: String {
        routes.compactMap { route in
            route.documentation.map { "| \(route.method?.rawValue ?? "WebSocket") | `\(route.path)` | \($0) |" }
        }.joined(separator: "\n")
    }
}
