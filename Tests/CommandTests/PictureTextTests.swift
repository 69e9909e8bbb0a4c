internal import FoundationEssentials
internal import TestSupport
internal import Testing
internal import audio_classifierd

/// Words of pictures, compared with those of Pango's own program.
@Suite struct PictureTextTests {
    /// Scripts whose letters join, or that go from right to left, and one that does neither.
    @Test(arguments: ["تسجيل", "مرحبا بالعالم", "שלום", "Grüße, AVA"], [false, true])
    func wordsAreThoseOfPango(text: String, isBold: Bool) throws {
        let folder = try TemporaryDirectory()
        let (ours, theirs) = ("\(folder.path)/ours.png", "\(folder.path)/theirs.png")
        var canvas = try CairoCanvas(width: 600, height: 120)
        let whole = PictureArea(x: 0, y: 0, width: 600, height: 120)
        canvas.fill(whole, PictureColour(1, 1, 1))
        canvas.text(
            text, at: PicturePoint(40, 60), .left, size: 40, isBold: isBold, PictureColour(0, 0, 0), in: whole)
        try Data(try canvas.png()).write(to: URL(filePath: ours))
        let drawn = try ChildProcess(
            [
                "--no-display", "--output=\(theirs)", "--font=sans-serif \(isBold ? "bold " : "")40px",
                "--antialias=gray", "--text=\(text)",
            ], program: "/usr/bin/pango-view"
        ).wait()
        #expect(drawn.status == 0, "\(drawn.errors)")
        // The pixels of the words: rows and columns without ink are left out at the edges.
        let script = """
            import struct, sys, zlib
            import numpy as np

            def ink(path):
                data, place, parts = open(path, "rb").read(), 8, b""
                while place < len(data):
                    size, kind = struct.unpack(">I4s", data[place:place + 8])
                    body = data[place + 8:place + 8 + size]
                    if kind == b"IHDR": width, height, depth, colours = struct.unpack(">IIBB", body[:10])
                    if kind == b"IDAT": parts += body
                    place += size + 12
                assert depth == 8
                channels = {0: 1, 2: 3, 4: 2, 6: 4}[colours]
                rows = np.frombuffer(zlib.decompress(parts), np.uint8).reshape(height, 1 + channels * width)
                picture = np.zeros((height + 1, width + 1, channels), np.int64)
                for y, row in enumerate(rows):
                    values = row[1:].reshape(width, channels).astype(np.int64)
                    for x in range(width):
                        left, up, corner = picture[y + 1, x], picture[y, x + 1], picture[y, x]
                        guess = left + up - corner
                        far = [abs(guess - one) for one in (left, up, corner)]
                        paeth = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left,
                                         np.where(far[1] <= far[2], up, corner))
                        added = (0, left, up, (left + up) // 2, paeth)[row[0]]
                        picture[y + 1, x + 1] = (values[x] + added) % 256
                dark = 255 - picture[1:, 1:, 0]
                columns, lines = np.nonzero(dark.max(0) > 60)[0], np.nonzero(dark.max(1) > 60)[0]
                return dark[lines[0]:lines[-1] + 1, columns[0]:columns[-1] + 1].astype(float)

            ours, theirs = ink(sys.argv[1]), ink(sys.argv[2])
            height, width = (min(one, other) for one, other in zip(ours.shape, theirs.shape))
            likeness = np.corrcoef(ours[:height, :width].ravel(), theirs[:height, :width].ravel())[0, 1]
            print(ours.shape[1] - theirs.shape[1], ours.shape[0] - theirs.shape[0], likeness > 0.9, likeness)
            """
        let words = try #require(try Readers.run(script, [ours, theirs])).split(separator: " ")
        // Letters may lie between pixels in one and not in the other.
        let (wider, higher) = (try #require(Int(words[0])), try #require(Int(words[1])))
        #expect(abs(wider) <= 1 && abs(higher) <= 1 && words[2] == "True", "\(text): \(words)")
    }
}
