internal import ClassifierServer
internal import Testing

/// What bounds the commands that `serve` starts.
@Suite struct SourceTests {
    @Test func linesAreCutAndCleaned() {
        var lines = ErrorLines(at: 0)
        #expect(lines.push("one\ntw".utf8, at: 0) == ["one"])
        #expect(lines.push("o\r\n\n50 %\r60 %\r".utf8, at: 0) == ["two", "50 %", "60 %"])
        #expect(lines.push("\u{1B}[31mred\n".utf8, at: 0) == [" [31mred"])
        #expect(lines.push([0xFF, 10], at: 0) == ["\u{FFFD}"])
        let long = lines.push(Array(repeating: UInt8(ascii: "a"), count: 100_000) + [10], at: 0)
        #expect(long == [String(repeating: "a", count: ErrorLines.longest) + "..."])
        #expect(lines.push("rest".utf8, at: 0).isEmpty && lines.finish() == ["rest"] && lines.finish().isEmpty)
    }

    @Test func linesAreFew() {
        var lines = ErrorLines(at: 0)
        let flood = String(repeating: "x\n", count: 1000)
        #expect(lines.push(flood.utf8, at: 0).count == Int(ErrorLines.burst))
        #expect(lines.push("x\n".utf8, at: 0.5).isEmpty)
        #expect(lines.push("y\nz\n".utf8, at: 1.5) == ["(981 lines left out)", "y"])
        #expect(lines.finish() == ["(1 lines left out)"])
        // A clock that goes back gives nothing, and takes nothing.
        #expect(lines.push("x\n".utf8, at: -100).isEmpty)
    }

    @Test func paceIsRealTime() {
        var pace = AudioPace(burst: 2, at: 10)
        #expect(pace.take(1, at: 10) == 0 && pace.take(1, at: 10) == 0)
        #expect(pace.take(0.5, at: 10) == 0.4)
        // Real time never waits.
        var now = 100.0
        for _ in 0..<1000 {
            now += 0.1
            #expect(pace.take(0.1, at: now) == 0)
        }
        // A flood waits for as long as it is too fast.
        var (time, audio) = (0.0, 0.0)
        var flood = AudioPace(burst: 2, at: 0)
        while time < 100 {
            time += flood.take(0.25, at: time)
            audio += 0.25
        }
        #expect(abs(audio - (2 + AudioPace.speed * 100)) < 1)
    }
}
