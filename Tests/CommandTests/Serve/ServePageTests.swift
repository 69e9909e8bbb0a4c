internal import Testing

/// The live page's files.
@Suite struct ServePageTests {
    @Test func filesAreServedWithAPolicy() throws {
        let server = try Server(environment: ["AUDIO_CLASSIFIERD_ACCESS_TOKEN": "correct horse battery"])
        for (path, type) in [
            ("/", "text/html"), ("/page.js", "text/javascript"), ("/drawing.js", "text/javascript"),
            ("/microphone.js", "text/javascript"), ("/page.css", "text/css"), ("/icon.svg", "image/svg+xml"),
        ] {
            let reply = try server.request("GET", path)
            #expect(reply.status == 200 && reply.headers["content-type"]?.hasPrefix(type) == true, "\(path)")
            #expect(reply.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
            // Nothing from elsewhere, and no way for a label to become markup.
            for word in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "onclick=", "style=\"", "cdn"] {
                #expect(!reply.text.contains(word), "\(word) in \(path)")
            }
        }
    }
}
