internal import FoundationEssentials
internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// A headless Chromium with a page, driven through its DevTools protocol.
final class Browser {
    static let path = "/usr/bin/chromium"
    /// A recording of the words "front left", as a microphone.
    static let recording = "/usr/share/sounds/alsa/Front_Left.wav"
    static var isReady: Bool {
        FileManager.default.isExecutableFile(atPath: path) && FileManager.default.fileExists(atPath: recording)
    }
    /// The comment of tests that need a browser.
    static let needs: Comment = "needs chromium and alsa-utils of Debian; make setup-tests installs both"

    private static let marker = "DevTools listening on ws://127.0.0.1:"

    private let child: ChildProcess
    private let socket: WebSocketClient
    private let profile: TemporaryDirectory
    private var session = ""
    private var number = 0

    /// - Parameters:
    ///   - microphone: a WAV file that is played into the page's microphone.
    ///   - hasMicrophone: whether there is one, be it silent.
    init(
        _ address: String, microphone: String? = nil, hasMicrophone: Bool = true,
        size: (width: Int, height: Int) = (1000, 1100)
    ) throws {
        profile = try TemporaryDirectory()
        var arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
            "--remote-debugging-port=0", "--user-data-dir=\(profile.path)", "--mute-audio",
            "--window-size=\(size.width),\(size.height)", "--use-fake-ui-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
        ]
        if hasMicrophone { arguments.append("--use-fake-device-for-media-stream") }
        if let microphone { arguments.append("--use-file-for-fake-audio-capture=\(microphone)") }
        child = try ChildProcess(arguments + ["about:blank"], program: Self.path)
        try child.waitForErrors { $0.contains(Self.marker) }
        let text = child.errorsSoFar
        let start = text.firstRange(of: Self.marker)?.upperBound ?? text.endIndex
        let place = text[start...].prefix { !$0.isNewline }
        guard let slash = place.firstIndex(of: "/"), let port = Int(place[..<slash]) else {
            throw ChildProcess.Failure(description: "the browser does not say where it listens: \(text)")
        }
        socket = try WebSocketClient(port: port, String(place[slash...]))
        let target = try call("Target.createTarget", ["url": .string(address)])["targetId"] ?? .null
        let attached = try call("Target.attachToTarget", ["targetId": target, "flatten": .bool(true)])
        session = attached["sessionId"]?.string ?? ""
        _ = try call("Page.enable")
        _ = try call("Runtime.enable")
    }

    /// Returns the value of an expression in the page.
    func evaluate(_ expression: String) throws -> JSONValue {
        let result = try call(
            "Runtime.evaluate",
            [
                "expression": .string(expression), "returnByValue": .bool(true), "awaitPromise": .bool(true),
                "userGesture": .bool(true),
            ])
        if let exception = result["exceptionDetails"] {
            throw ChildProcess.Failure(description: "\(expression): \(exception)")
        }
        return result["result"]?["value"] ?? .null
    }

    /// Waits until an expression is true.
    func wait(_ expression: String, seconds: Double = 30) throws {
        for _ in 0..<Int(seconds * 10) {
            if try evaluate(expression) == .bool(true) { return }
            usleep(100_000)
        }
        let page = try evaluate("document.body.innerText").string ?? ""
        throw ChildProcess.Failure(description: "\(expression) does not become true; the page is: \(page)")
    }

    /// Returns the words of some elements that go on in another line, as an array in JSON. Paths may do so.
    func brokenWords(in selector: String) throws -> String {
        try evaluate(
            """
            JSON.stringify([...document.querySelectorAll('\(selector)')].flatMap((element) => {
              const broken = [];
              const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
              for (let text = texts.nextNode(); text; text = texts.nextNode()) {
                if (text.parentElement.closest('.path')) continue;
                for (const word of text.data.matchAll(/[^\\s-]+/g)) {
                  const range = new Range();
                  range.setStart(text, word.index);
                  range.setEnd(text, word.index + word[0].length);
                  const lines = new Set([...range.getClientRects()].map((box) => box.top));
                  if (lines.size > 1) broken.push(word[0].slice(0, 20));
                }
              }
              return broken;
            }))
            """
        ).string ?? ""
    }

    /// Returns a picture of the page, as PNG in base 64.
    func screenshot() throws -> String {
        try call("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": .bool(true)])["data"]?.string
            ?? ""
    }

    /// Emulates another screen.
    func resize(width: Int, height: Int, isMobile: Bool) throws {
        _ = try call(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .number(Double(width)), "height": .number(Double(height)), "deviceScaleFactor": 1,
                "mobile": .bool(isMobile),
            ])
    }

    /// Emulates a reader's preference for light or dark pages.
    func prefer(dark: Bool) throws {
        let feature: JSONValue = .object(["name": "prefers-color-scheme", "value": dark ? "dark" : "light"])
        _ = try call("Emulation.setEmulatedMedia", ["features": .array([feature])])
    }

    private func call(_ method: String, _ parameters: [String: JSONValue] = [:]) throws -> JSONValue {
        number += 1
        var message: [String: JSONValue] = [
            "id": .number(Double(number)), "method": .string(method), "params": .object(parameters),
        ]
        if !session.isEmpty { message["sessionId"] = .string(session) }
        try socket.send(
            text: String(decoding: try JSONEncoder().encode(JSONValue.object(message)), as: UTF8.self))
        while let answer = try socket.receive() {
            guard case .text(let text) = answer else { continue }
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            guard value["id"] == .number(Double(number)) else { continue }
            if let error = value["error"] { throw ChildProcess.Failure(description: "\(method): \(error)") }
            return value["result"] ?? .null
        }
        throw ChildProcess.Failure(description: "the browser has gone: \(child.errorsSoFar.suffix(2000))")
    }
}

extension Server {
    /// The address of the live page.
    var page: String { "http://127.0.0.1:\(httpPort)/" }
}
