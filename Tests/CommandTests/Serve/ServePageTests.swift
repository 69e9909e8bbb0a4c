internal import FoundationEssentials
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The live page in a real browser with a recording as its microphone.
@Suite(.serialized) struct ServePageTests {
    private static let recording = Browser.recording

    @Test func filesAreServedWithAPolicy() throws {
        let server = try Server(environment: ["AUDIO_CLASSIFIERD_ACCESS_TOKEN": "correct horse battery"])
        let scripts = [
            "start", "page", "catalog", "chart", "clock", "current", "endings", "events", "labels", "microphone",
            "pictures", "plot", "recorder", "retry", "service", "slots", "spectrogram", "timeline",
        ]
        let others = [("/", "text/html"), ("/page.css", "text/css"), ("/icon.svg", "image/svg+xml")]
        for (path, type) in others + scripts.map({ ("/\($0).js", "text/javascript") }) {
            let reply = try server.request("GET", path)
            #expect(reply.status == 200 && reply.headers["content-type"]?.hasPrefix(type) == true, "\(path)")
            #expect(reply.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
            // The policy forbids other sources and markup from labels.
            for word in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "onclick=", "style=\"", "cdn"] {
                #expect(!reply.text.contains(word), "\(word) in \(path)")
            }
        }
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func microphoneIsHeard() throws {
        let server = try Server()
        let browser = try Browser(server.page, microphone: Self.recording)
        try browser.wait("document.querySelector('#model option') !== null")
        _ = try browser.evaluate("document.querySelector('#listen').click()")
        // The recording is a repeated "front left".
        try browser.wait("[...document.querySelectorAll('#events td')].some((cell) => cell.textContent === 'left')")
        try browser.wait("document.querySelector('#latency').textContent.endsWith(' ms')")
        let state = try browser.evaluate(
            """
            (() => {
              const canvas = document.querySelector('#spectrogram');
              const pixels = canvas.getContext('2d').getImageData(canvas.width - 20, 0, 20, canvas.height).data;
              return { status: document.querySelector('#status').textContent,
                top: document.querySelectorAll('#top li').length,
                colours: new Set(pixels).size, spoken: document.querySelector('#announcement').textContent,
                download: document.querySelector('#download').disabled };
            })()
            """)
        #expect(state["status"] == "Listening to the microphone." && state["top"] == 5)
        #expect(state["colours"]?.number ?? 0 > 20, "the spectrogram is drawn")
        #expect(state["download"] == .bool(false) && state["spoken"] != "")

        // Another page watches the same stream.
        let watcher = try Browser(server.page, size: (390, 800))
        try watcher.wait("document.querySelectorAll('#source option').length === 2")
        _ = try watcher.evaluate(
            "document.querySelector('#source').selectedIndex = 1; document.querySelector('#listen').click()")
        try watcher.wait("[...document.querySelectorAll('#events td')].some((cell) => cell.textContent === 'left')")
        try watcher.resize(width: 390, height: 800, isMobile: true)
        #expect(
            try watcher.evaluate("document.documentElement.scrollWidth <= 390") == .bool(true), "it fits on a phone")

        if let picture = ProcessInfo.processInfo.environment["AUDIO_CLASSIFIERD_SCREENSHOT"] {
            let data = Data(base64Encoded: try browser.screenshot()) ?? Data()
            try data.write(to: URL(filePath: picture))
        }
        _ = try browser.evaluate("document.querySelector('#listen').click()")
        try browser.wait("document.querySelector('#status').textContent === 'Not listening.'")
        for _ in 0..<50 where try server.metric("streams") > 0 { try browser.wait("true") }
        #expect(try server.metric("streams") == 0)
    }

    /// Every control has a name and works with the keyboard.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func keyboardAndNames() throws {
        let server = try Server()
        let browser = try Browser(server.page, microphone: Self.recording)
        try browser.wait("document.querySelector('#model option') !== null")
        let unnamed = try browser.evaluate(
            """
            [...document.querySelectorAll('select, button, input, canvas, section, [role=region]')].filter((element) =>
              !(element.ariaHidden === 'true' || element.labels?.length || element.textContent.trim()
                || element.ariaLabel || document.getElementById(element.getAttribute('aria-labelledby'))))
              .map((element) => element.id).join()
            """)
        #expect(unnamed == "", "without a name")
        #expect(try browser.evaluate("document.documentElement.lang") == "en")
        _ = try browser.evaluate("document.querySelector('#source').form.requestSubmit()")
        try browser.wait("document.querySelector('#status').textContent === 'Listening to the microphone.'")
    }
}
