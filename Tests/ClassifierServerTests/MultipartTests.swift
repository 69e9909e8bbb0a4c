internal import ClassifierServer
internal import TestSupport
internal import Testing

/// The file in a form is found for any bytes and any cuts.
@Suite struct MultipartTests {
    private static let type = "multipart/form-data; boundary=xYz"

    private static func form(_ file: [UInt8], boundary: String = "xYz") -> [UInt8] {
        Array(
            ("--\(boundary)\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--\(boundary)\r\n"
                + "Content-Disposition: form-data; name=\"a\"; filename=\"a b.wav\"\r\nContent-Type: audio/wav\r\n\r\n")
                .utf8) + file + Array("\r\n--\(boundary)--\r\n".utf8)
    }

    private func read(_ body: [UInt8], piece: Int, type: String = type) throws -> (file: [UInt8], isWhole: Bool) {
        var reader = try #require(MultipartReader(contentType: type))
        var file: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: piece) {
            file += try reader.push(Array(body[start..<min(start + piece, body.count)]))
        }
        return (file, reader.isComplete && reader.hasFile)
    }

    @Test(arguments: [1, 2, 3, 7, 50, 100_000])
    func fileIsFoundForAnyCut(piece: Int) throws {
        // Bytes that resemble delimiters.
        let file = Array("RIFF\r\n--xY\r\n--xYzz".utf8) + (0...255).map { UInt8($0) } + Array("\r\n\r\n--".utf8)
        for content in [file, [], Array("\r".utf8), Array("\r\n".utf8)] {
            // Without the letter z, the file holds no delimiter with other letters after it.
            let body = Self.form(content.filter { $0 != UInt8(ascii: "z") })
            let (found, isWhole) = try read(body, piece: piece)
            #expect(isWhole && found == content.filter { $0 != UInt8(ascii: "z") })
        }
    }

    @Test func quotedBoundariesAndOtherTypes() throws {
        let (file, isWhole) = try read(
            Self.form([1, 2, 3], boundary: "a b"), piece: 9,
            type: "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"")
        #expect(isWhole && file == [1, 2, 3])
        for type in [
            "audio/wav", "", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x",
        ] {
            #expect(MultipartReader(contentType: type) == nil, "\(type)")
        }
    }

    /// A browser's field without a chosen file is none; a second file would have no result.
    @Test func oneFileIsTaken() throws {
        func part(_ name: String, _ content: String) -> String {
            "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\n\r\n\(content)\r\n"
        }
        let (file, isWhole) = try read(Array((part("", "") + part("a.wav", "abc") + "--xYz--\r\n").utf8), piece: 11)
        #expect(isWhole && file == Array("abc".utf8))
        let error = #expect(throws: MultipartReader.Malformed.self) {
            try read(Array((part("a.wav", "abc") + part("b.wav", "d") + "--xYz--\r\n").utf8), piece: 11)
        }
        #expect(error?.message == "the form has several files; send each in a request of its own")
    }

    @Test func cutFormsAreIncomplete() throws {
        let body = Self.form(Array(repeating: 7, count: 100))
        for length in stride(from: 0, to: body.count - 4, by: 3) {
            #expect(try !read(Array(body[..<length]), piece: 17).isWhole)
        }
    }

    /// Any bytes are parsed or refused, with the same result for all cuts.
    @Test func damagedFormsDoNoHarm() throws {
        var random = SplitMix64(seed: 5)
        let whole = Self.form(Array("some bytes of a file\r\n".utf8))
        for _ in 0..<500 {
            var body = whole
            for _ in 0..<random.integer(in: 1...4) {
                body[random.integer(in: 0...body.count - 1)] = UInt8(random.integer(in: 0...255))
            }
            let results = [1, 5, 1000].map { piece in
                (try? read(body, piece: piece)).map { "\($0.file) \($0.isWhole)" } ?? "refused"
            }
            #expect(Set(results).count == 1, "\(results)")
        }
    }
}
