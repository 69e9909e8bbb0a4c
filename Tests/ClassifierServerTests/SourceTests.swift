internal import ClassifierServer
internal import Testing

/// The bounds on commands of `serve`: lines of their standard error, and the rate of their audio.
@Suite struct SourceTests {
    @Test func linesAreCutAndCleaned() {
        var lines = ErrorLines()
        #expect(lines.push("one\ntw".utf8, at: 0) == ["one"])
        #expect(lines.push("o\r\n\n50 %\r60 %\r".utf8, at: 0) == ["two", "50 %", "60 %"])
        #expect(lines.push("\u{1B}[31mred\n".utf8, at: 0) == [" [31mred"])
        #expect(lines.push([0xFF, 10], at: 0) == ["\u{FFFD}"])
        let long = lines.push(Array(repeating: UInt8(ascii: "a"), count: 100_000) + [10], at: 0)
        #expect(long == [String(repeating: "a", count: ErrorLines.longest) + "..."])
        #expect(lines.push("rest".utf8, at: 0).isEmpty && lines.finish() == ["rest"] && lines.finish().isEmpty)
    }

    @Test func linesAreLimited() {
        var lines = ErrorLines()
        let flood = String(repeating: "x\n", count: 1000)
        #expect(lines.push(flood.utf8, at: 0).count == Int(ErrorLines.burst))
        #expect(lines.push("x\n".utf8, at: 0.5).isEmpty)
        #expect(lines.push("y\nz\n".utf8, at: 1.5) == ["(981 lines left out)", "y"])
        #expect(lines.finish() == ["(1 line left out)"])
        // A clock that goes back adds no tokens and removes none.
        #expect(lines.push("x\n".utf8, at: -100).isEmpty)
    }

    @Test func paceIsRealTime() {
        var pace = TokenBucket.liveAudio(burst: 2)
        #expect(pace.spend(1, at: 10) == 0 && pace.spend(1, at: 10) == 0)
        #expect(pace.spend(0.5, at: 10) == 0.4)
        // Real time never waits.
        var now = 100.0
        for _ in 0..<1000 {
            now += 0.1
            #expect(pace.spend(0.1, at: now) == 0)
        }
        // A flood waits in proportion to its speed.
        var (time, audio) = (0.0, 0.0)
        var flood = TokenBucket.liveAudio(burst: 2)
        while time < 100 {
            time += flood.spend(0.25, at: time)
            audio += 0.25
        }
        #expect(abs(audio - (2 + flood.perSecond * 100)) < 1)
    }
}
