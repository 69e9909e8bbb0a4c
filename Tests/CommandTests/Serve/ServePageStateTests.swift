internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// What the live page says and shows when the service stops, refuses, or sends nothing.
@Suite(.serialized) struct ServePageStateTests {
    private static let state = "document.querySelector('#status')?.dataset.state"
    private static let status = "document.querySelector('#status')?.textContent"
    private static let title = "document.querySelector('#now-title').textContent"
    private static let badge = "document.querySelector('#frozen')"

    private func press(_ browser: Browser) throws {
        _ = try browser.evaluate("document.querySelector('#listen').click()")
    }

    private func choose(_ stream: String, _ browser: Browser) throws {
        let options = "[...(document.querySelector('#source')?.options ?? [])]"
        let option = "\(options).findIndex((one) => one.value === 's:\(stream)')"
        try browser.wait("\(option) > 0")
        _ = try browser.evaluate(
            """
            (() => { const source = document.querySelector('#source'); source.selectedIndex = \(option);
              source.dispatchEvent(new Event('change')); })()
            """)
    }

    /// Sends seconds of sound in real time.
    private func speak(_ client: WebSocketClient, seconds: Double) throws {
        let raw = Sound.raw(Sound.samples(1600))
        for _ in 0..<Int(seconds * 10) {
            try client.send(raw)
            usleep(100_000)
        }
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func comesBackAfterARestart() throws {
        let first = try Server()
        let port = first.httpPort
        let browser = try Browser(first.page, microphone: Browser.recording)
        try browser.wait("document.querySelector('#model option') !== null")
        try press(browser)
        try browser.wait("\(Self.state) === 'live' && document.querySelector('#events tr') !== null")
        first.child.send(signal: SIGKILL)
        _ = try first.child.wait(atMost: 20)
        try browser.wait("\(Self.state) === 'failed'")
        #expect(try browser.evaluate(Self.status).string?.contains("The page tries again by itself.") == true)
        #expect(try browser.evaluate("\(Self.badge).hidden") == .bool(false))
        #expect(try browser.evaluate("\(Self.badge).textContent") == "Frozen: no connection")
        #expect(
            try browser.evaluate("document.querySelector('#now-title').textContent").string?.hasPrefix("At ") == true)
        // Waits grow: the service is away for three tries.
        var longest = 0.0
        for _ in 0..<60 where longest < 4 {
            let text = try browser.evaluate("document.querySelector('#countdown').textContent").string ?? ""
            longest = max(longest, text.split(separator: " ").compactMap { Double($0) }.first ?? 0)
            usleep(200_000)
        }
        #expect(longest == 4)

        let second = try Server(["listen.http=127.0.0.1:\(port)"])
        _ = try browser.evaluate("document.querySelector('#retry-now').click()")
        try browser.wait("\(Self.state) === 'live'", seconds: 60)
        #expect(try browser.evaluate("\(Self.badge).hidden && document.querySelector('#retry').hidden") == .bool(true))
        #expect(try browser.evaluate(Self.title) == "Now")
        // An idle page says so, too, and comes back by itself.
        try press(browser)
        try browser.wait("\(Self.state) === 'idle'")
        _ = try second.stop()
        try browser.wait("\(Self.status) === 'The service does not answer.'")
        let third = try Server(["listen.http=127.0.0.1:\(port)"])
        try browser.wait("\(Self.state) === 'idle'", seconds: 60)
        _ = try third.stop()
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func tokenIsAskedFor() throws {
        let token = "correct horse battery staple"
        let server = try Server(environment: ["AUDIO_CLASSIFIERD_ACCESS_TOKEN": token])
        let browser = try Browser(server.page, microphone: Browser.recording)
        try browser.wait("\(Self.status) === 'This service needs a token.'")
        func enter(_ text: String) throws {
            _ = try browser.evaluate("document.querySelector('#token').value = '\(text)'")
            try press(browser)
        }
        #expect(try browser.evaluate("document.querySelector('#access').hidden") == .bool(false))
        try enter("a wrong token of length")
        try browser.wait("\(Self.status) === 'The token is wrong.'")
        try enter(token)
        try browser.wait("\(Self.state) === 'live'")
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func fullServiceSaysSo() throws {
        let server = try Server(["limits.streams=1"])
        let client = try WebSocketClient(server, "/v1/stream?stream=door")
        let browser = try Browser(server.page, microphone: Browser.recording)
        try browser.wait("document.querySelector('#model option') !== null")
        try press(browser)
        try browser.wait("\(Self.state) === 'note'")
        // The service's own words, which it also sends as the answer to a plain request.
        let status = try browser.evaluate(Self.status)
        #expect(status == "The service is full: there are 1 streams, and limits.streams is 1.")
        let plain = try server.request("GET", "/v1/stream")
        #expect(plain.status == 503 && plain.text.contains(#""code":"streams""#))
        #expect(try browser.evaluate("document.querySelector('#listen').textContent") == "Listen")
        try client.close()
    }

    /// A device without a microphone, which Chromium has here without its fake one.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func missingMicrophoneIsASentence() throws {
        let server = try Server()
        let browser = try Browser(server.page, hasMicrophone: false)
        try browser.wait("document.querySelector('#model option') !== null")
        try press(browser)
        try browser.wait("\(Self.status) === 'No microphone was found. Connect one, and press Listen again.'")
    }

    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func watchedStream() throws {
        let server = try Server(["models=keywords-en"])
        var client = try WebSocketClient(server, "/v1/stream?stream=door&model=keywords-en&emit=events")
        let browser = try Browser(server.page, microphone: Browser.recording)
        try choose("door", browser)
        // The stream's own model, and not the service's first one.
        try browser.wait("document.querySelector('#model').value === 'keywords-en'")
        #expect(try browser.evaluate("document.querySelector('#model').disabled") == .bool(true))
        try press(browser)
        try speak(client, seconds: 2)
        try browser.wait("\(Self.state) === 'live'")
        #expect(
            try browser.evaluate("document.querySelector('#model-in-use').textContent")
                == "Stream door, model keywords-en, 12 classes, 16 kHz")
        // A label's name for people.
        try browser.wait("document.querySelector('#top').innerText.includes('other sounds')")
        #expect(try browser.evaluate("document.body.innerText.includes('_unknown_')") == .bool(false))

        // Nothing is sent any more, then again.
        try browser.wait("\(Self.status).startsWith('No audio has come from door since ')")
        #expect(try browser.evaluate("\(Self.badge).textContent") == "Frozen: no audio arrives")
        try speak(client, seconds: 1)
        try browser.wait("\(Self.state) === 'live' && \(Self.badge).hidden")

        // The stream ends, and begins again.
        try client.close()
        try browser.wait("\(Self.status).includes('The page waits for the stream by itself.')")
        client = try WebSocketClient(server, "/v1/stream?stream=door&model=keywords-en&emit=events")
        for _ in 0..<20 where try browser.evaluate(Self.state) != "live" { try speak(client, seconds: 1) }
        #expect(try browser.evaluate(Self.state) == "live")
    }

    /// On the narrowest phone nothing is cut off or covers something else, not even with the longest sentences.
    @Test(.enabled(if: Browser.isReady, Browser.needs))
    func fitsOnAPhone() throws {
        let server = try Server()
        let browser = try Browser(server.page, microphone: Browser.recording)
        try browser.wait("document.querySelector('#model option') !== null")
        try press(browser)
        try browser.wait("document.querySelector('#events tr') !== null")
        for width in [320, 390] {
            try browser.resize(width: width, height: 700, isMobile: true)
            for isBroken in [false, true] {
                // The state in which the page shows most.
                if isBroken {
                    _ = try browser.evaluate(
                        """
                        ['retry', 'frozen', 'access', 'hint'].forEach((id) => {
                          document.getElementById(id).hidden = false;
                        });
                        document.getElementById('countdown').textContent = 'Next try in 30 s.';
                        """)
                }
                let found = try browser.evaluate(
                    """
                    (() => {
                      const kinds = 'h1, h2, p, li, dt, dd, label, select, input, button, canvas';
                      const texts = [...document.querySelectorAll(kinds)]
                        .filter((one) => one.checkVisibility() && !one.classList.contains('unseen'))
                        .filter((one) => one.getBoundingClientRect().width > 1)
                        .filter((one) => !one.querySelector('select, input, button'));
                      const boxes = texts.map((one) => [one.id || one.textContent, one.getBoundingClientRect(), one]);
                      const outside = boxes.filter(([, box]) => box.left < 0 || box.right > innerWidth);
                      const faults = outside.map(([name]) => name);
                      for (const [index, [name, one, element]] of boxes.entries()) {
                        for (const [other, two, another] of boxes.slice(index + 1)) {
                          const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
                          const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
                          if (across > 1 && down > 1 && !element.contains(another)) faults.push(`${name}, ${other}`);
                        }
                      }
                      if (document.documentElement.scrollWidth > innerWidth) faults.push('the page scrolls sideways');
                      return faults.join('; ');
                    })()
                    """)
                #expect(found == "", "at \(width) pixels")
            }
        }
    }
}
