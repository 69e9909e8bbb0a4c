internal import Glibc
internal import StrictCoding
internal import TestSupport
internal import Testing

/// The live page's rules for colours, lanes and time, in a browser.
@Suite(.serialized, .enabled(if: Browser.isReady, Browser.needs)) struct ServePageScriptTests {
    private let server: Server
    private let browser: Browser

    init() throws {
        server = try Server()
        browser = try Browser(server.page)
        try browser.wait("document.querySelector('#model option') !== null")
    }

    /// Classes get eight different colours at most, keep them, and give them up to much likelier ones.
    @Test func noTwoClassesShareAColour() throws {
        let found = try browser.evaluate(
            """
            import('./slots.js').then(({ Slots, slotCount }) => {
              const slots = new Slots();
              const faults = [];
              let seed = 7;
              const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
              for (let turn = 0; turn < 500; turn++) {
                const scores = new Map();
                for (let label = 0; label < 40; label++) if (random() < 0.5) scores.set(`c${label}`, random());
                const before = new Map([...scores.keys()].map((label) => [label, slots.slot(label)]));
                slots.assign(scores);
                const given = [...scores.keys()].map((label) => slots.slot(label)).filter((slot) => slot !== undefined);
                if (new Set(given).size !== given.length) faults.push(`turn ${turn}: a colour twice`);
                if (given.length !== Math.min(slotCount, scores.size)) faults.push(`turn ${turn}: too few colours`);
                for (const [label, slot] of before) {
                  const now = slots.slot(label);
                  if (slot !== undefined && now !== undefined && now !== slot) faults.push(`turn ${turn}: a change`);
                }
                const grey = [...scores].filter(([label]) => slots.slot(label) === undefined).map(([, score]) => score);
                const least = Math.min(...[...scores].filter(([label]) => slots.slot(label) !== undefined)
                  .map(([, score]) => score));
                if (Math.max(...grey) > least + 0.2) faults.push(`turn ${turn}: a likely class is grey`);
              }
              return `${slotCount}: ${faults.slice(0, 3).join(', ')}`;
            })
            """)
        #expect(found == "8: ")
    }

    /// Events in one lane are never there at the same time; an event stays in its lane.
    @Test func eventsInALaneDoNotOverlap() throws {
        let found = try browser.evaluate(
            """
            import('./timeline.js').then(({ Lanes }) => {
              const lanes = new Lanes();
              const events = [];
              const faults = [];
              let seed = 11;
              const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
              for (let id = 0, time = 0; id < 400; id++, time += random()) {
                events.filter((event) => event.to < time - 15).forEach((event) => lanes.remove(event.id));
                const event = { id, from: time, to: time + 3 * random() };
                event.lane = lanes.place(id, event, 0.5);
                if (lanes.place(id, event, 0.5) !== event.lane) faults.push(`${id} moved`);
                const together = events.filter((other) => other.from < event.to && other.to > event.from);
                if (event.lane === undefined) {
                  if (new Set(together.map((other) => other.lane)).size < 8) faults.push(`${id} is left out`);
                } else if (together.some((other) => other.lane === event.lane)) {
                  faults.push(`${id} covers another`);
                }
                events.push(event);
              }
              const full = new Lanes();
              const same = Array.from({ length: 10 }, (_, id) => full.place(id, { from: 0, to: 1 }, 0));
              return JSON.stringify([faults.slice(0, 3), same]);
            })
            """)
        #expect(found == "[[],[0,1,2,3,4,5,6,7,null,null]]")
    }

    /// Every bar in the picture carries its words: pixels of the ink's colour lie in every bar.
    @Test func everyBarHasWords() throws {
        let found = try browser.evaluate(
            """
            Promise.all([import('./timeline.js'), import('./slots.js')]).then(([{ Timeline }, { Slots }]) => {
              const canvas = document.querySelector('#timeline');
              const timeline = new Timeline(canvas, document.querySelector('#more'), new Slots());
              const words = [];
              const context = canvas.getContext('2d');
              const fillText = context.fillText.bind(context);
              context.fillText = (text, x, y) => { words.push([text, x, y]); fillText(text, x, y); };
              const labels = ['a', 'Child speech, kid speaking', '_silence_', 'Dog', 'Music'];
              labels.forEach((label, index) => {
                timeline.set(index, { label, from: 90 + index * 2, to: 90.1 + index * 2 });
              });
              timeline.set('open', { label: 'Siren', from: 99.9, to: null });
              timeline.draw(100);
              const width = canvas.clientWidth;
              const outside = words.filter(([, x]) => x < 0 || x > width - 10).length;
              return JSON.stringify([words.map(([text]) => text).sort(), outside]);
            })
            """)
        #expect(found == #"[["Child speech, kid speaking","Dog","Music","Siren","a","silence"],0]"#)
    }

    /// Classes from right to left keep their places in the legend.
    @Test func legendIsInItsOrder() throws {
        let found = try browser.evaluate(
            """
            Promise.all([import('./chart.js'), import('./slots.js')]).then(([{ Chart }, { Slots }]) => {
              const legend = document.querySelector('.legend');
              const chart = new Chart(document.querySelector('#curves'), legend, new Slots());
              chart.mostNames = Infinity;
              chart.explain([], ['يسار', 'تسعة', 'Dog', 'أمام']);
              const places = [...legend.querySelectorAll('bdi')].map((one) => one.getBoundingClientRect().left);
              const isOrdered = places.every((left, index) => index === 0 || left > places[index - 1]);
              return JSON.stringify([legend.textContent, places.length, isOrdered]);
            })
            """)
        #expect(found == #"["يسار, تسعة, Dog, أمام",4,true]"#)
    }

    /// Of a recording the longest events have words, which neither overlap nor leave the picture.
    @Test func eventsOfALongRecording() throws {
        let found = try browser.evaluate(
            """
            Promise.all([import('./timeline.js'), import('./slots.js')]).then(([{ Timeline }, { Slots }]) => {
              const canvas = document.querySelector('#timeline');
              const timeline = new Timeline(canvas, document.querySelector('#more'), new Slots());
              timeline.isRecording = true;
              const words = [];
              const context = canvas.getContext('2d');
              const fillText = context.fillText.bind(context);
              context.fillText = (text, x, y) => {
                words.push({ text, y, left: x, right: x + context.measureText(text).width });
                fillText(text, x, y);
              };
              let seed = 3;
              const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
              for (let id = 0; id < 1500; id++) {
                const from = id % 10 ? 3590 * random() : 3600 - 5 * random();
                const to = Math.min(3600, from + (id === 7 ? 200 : 20 * random()));
                timeline.set(id, { label: id === 7 ? 'the longest' : `class ${id % 40}`, from, to });
              }
              timeline.draw(3600, 3600);
              // The lanes make the page longer, whose scroll bar makes it narrower.
              words.length = 0;
              timeline.draw(3600, 3600);
              const isOutside = ({ left, right }) => left < 0 || right > canvas.clientWidth;
              const faults = words.filter(isOutside).map(({ text }) => text);
              words.forEach((one, index) => words.slice(0, index).forEach((other) => {
                if (one.y === other.y && one.left < other.right && other.left < one.right) {
                  faults.push(`${one.text} on ${other.text}`);
                }
              }));
              const remark = document.querySelector('#more').textContent;
              const hasLongest = words.some(({ text }) => text === 'the longest');
              return JSON.stringify([faults.slice(0, 3), words.length > 20, hasLongest,
                /^[0-9]+ more and [0-9]+ without words at this time/.test(remark)]);
            })
            """)
        #expect(found == "[[],true,true,true]")
    }

    /// Positions become times of day; a pause moves what follows; a backlog and a fast stream do not spoil the times.
    @Test func streamsHaveATimeOfDay() throws {
        let found = try browser.evaluate(
            """
            import('./clock.js').then(({ StreamClock, timeOfDay }) => {
              const run = (steps) => {
                const clock = new StreamClock();
                for (const [position, now] of steps) clock.hear(position, now);
                return clock;
              };
              const steps = (count, from, now, pace = 1) =>
                Array.from({ length: count }, (_, index) => [from + index * 0.1 * pace, now + index * 0.1]);
              const steady = run(steps(50, 0, 1000));
              // The sender pauses for ten seconds of the day that are not in the stream.
              const paused = run([...steps(50, 0, 1000), ...steps(50, 5, 1015)]);
              // The sender is late by ten seconds, and then sends all at once.
              const backlog = Array.from({ length: 100 }, (_, index) => [5 + index * 0.1, 1015]);
              const late = run([...steps(50, 0, 1000), ...backlog, ...steps(30, 15, 1015)]);
              const fast = run(steps(50, 0, 1000, 20));
              const words = /^\\d\\d:\\d\\d:\\d\\d$/.test(timeOfDay(1000));
              return [steady.at(4.9), paused.at(9.9), late.at(17.9), late.isLive, fast.isLive, fast.words(fast.at(65)),
                words].map((one) => (typeof one === 'number' ? one.toFixed(1) : one)).join();
            })
            """)
        #expect(found == "1004.9,1019.9,1017.9,true,false,1:05,true")
    }

    /// All colours differ for readers with and without colour blindness, and stand out from the cards.
    @Test(arguments: [false, true]) func coloursCanBeToldApart(isDark: Bool) throws {
        try browser.prefer(dark: isDark)
        let names = (1...8).map { "curve-\($0)" } + ["other", "card", "ink", "quiet", "paper", "accent", "on-accent"]
        func colour(_ name: String) throws -> Colour {
            let text = try browser.evaluate(
                "getComputedStyle(document.documentElement).getPropertyValue('--\(name)').trim()")
            return try #require(Colour(text.string ?? ""))
        }
        let colours = try names.reduce(into: [:]) { $0[$1] = try colour($1) }
        let card = try #require(colours["card"])
        let curves = names.prefix(9).compactMap { colours[$0] }
        #expect(curves.count == 9)
        for (index, one) in curves.enumerated() {
            #expect(one.contrast(card) >= 3, "curve \(index + 1)")
            for (number, other) in curves.enumerated().dropFirst(index + 1) {
                #expect(one.leastDistance(other) >= 0.08, "curves \(index + 1) and \(number + 1)")
            }
            // Words on a bar: the bar's tint over the card.
            #expect(try #require(colours["ink"]).contrast(one.over(card, opacity: 0.24)) >= 4.5, "bar \(index + 1)")
        }
        for (text, ground) in [("ink", "card"), ("quiet", "card"), ("quiet", "paper"), ("on-accent", "accent")] {
            #expect(try #require(colours[text]).contrast(#require(colours[ground])) >= 4.5, "\(text) on \(ground)")
        }
    }
}

/// A colour in linear light.
private struct Colour {
    var red, green, blue: Double

    init(red: Double, green: Double, blue: Double) {
        (self.red, self.green, self.blue) = (red, green, blue)
    }

    /// Decodes `#rgb` or `#rrggbb` by the sRGB transfer function.
    init?(_ text: String) {
        var digits = Array(text.dropFirst())
        if digits.count == 3 { digits = digits.flatMap { [$0, $0] } }
        guard text.hasPrefix("#"), digits.count == 6, let number = Int(String(digits), radix: 16) else { return nil }
        func linear(_ shift: Int) -> Double {
            let value = Double(number >> shift & 255) / 255
            return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        self.init(red: linear(16), green: linear(8), blue: linear(0))
    }

    /// Relative luminance (WCAG 2).
    private var luminance: Double { 0.2126 * red + 0.7152 * green + 0.0722 * blue }

    /// The contrast ratio of WCAG 2.
    func contrast(_ other: Colour) -> Double {
        let (one, two) = (luminance + 0.05, other.luminance + 0.05)
        return max(one, two) / min(one, two)
    }

    /// Mixes in the encoded values, as a canvas does.
    func over(_ ground: Colour, opacity: Double) -> Colour {
        func encoded(_ value: Double) -> Double {
            value <= 0.0031308 ? value * 12.92 : 1.055 * pow(value, 1 / 2.4) - 0.055
        }
        func mixed(_ part: KeyPath<Colour, Double>) -> Double {
            let value = opacity * encoded(self[keyPath: part]) + (1 - opacity) * encoded(ground[keyPath: part])
            return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        return Colour(red: mixed(\.red), green: mixed(\.green), blue: mixed(\.blue))
    }

    /// Simulations of full protanopia, deuteranopia and tritanopia (Machado, Oliveira, Fernandes, 2009), and normal
    /// vision.
    private static let visions: [[Double]] = [
        [1, 0, 0, 0, 1, 0, 0, 0, 1],
        [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
        [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881],
        [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900],
    ]

    /// The least distance in OKLab (Ottosson, 2020) over all visions; about 0.02 is just noticeable.
    func leastDistance(_ other: Colour) -> Double {
        Self.visions.map { vision in
            let (one, two) = (seen(vision).lab, other.seen(vision).lab)
            return zip(one, two).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
        }.min() ?? 0
    }

    private func seen(_ m: [Double]) -> Colour {
        func part(_ row: Int) -> Double {
            max(0, min(1, m[row] * red + m[row + 1] * green + m[row + 2] * blue))
        }
        return Colour(red: part(0), green: part(3), blue: part(6))
    }

    private var lab: [Double] {
        let l = cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
        let m = cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
        let s = cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
        return [
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
        ]
    }
}
