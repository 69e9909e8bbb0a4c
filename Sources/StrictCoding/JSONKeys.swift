internal import FoundationEssentials

/// The keys of JSON text. A decoder takes one of two equal keys of an object without a word.
enum JSONKeys {
    /// A key of an object, or an index of an array.
    enum Step: Equatable {
        case key(String)
        case index(Int)
    }

    private enum Level {
        case object(keys: Set<String>, key: String)
        case array(index: Int)
    }

    /// Returns the path of the first key that its object has twice; nil if there is none.
    /// - Parameter text: valid JSON.
    static func repeated(in text: [UInt8]) -> [Step]? {
        var levels: [Level] = []
        var index = 0
        // Whether a string at this place is a key.
        var isKey = false
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "{"):
                levels.append(.object(keys: [], key: ""))
                isKey = true
            case UInt8(ascii: "["): levels.append(.array(index: 0))
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = levels.popLast()
                isKey = false
            case UInt8(ascii: ","):
                switch levels.popLast() {
                case .array(let index): levels.append(.array(index: index + 1))
                case .object(let keys, let key):
                    levels.append(.object(keys: keys, key: key))
                    isKey = true
                case nil: break
                }
            case UInt8(ascii: "\""):
                let end = end(ofString: index, in: text)
                if isKey, case .object(var keys, _)? = levels.popLast() {
                    let key = string(text[index..<end])
                    let isNew = keys.insert(key).inserted
                    levels.append(.object(keys: keys, key: key))
                    guard isNew else { return levels.map(step) }
                }
                isKey = false
                index = end - 1
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func step(_ level: Level) -> Step {
        switch level {
        case .object(_, let key): .key(key)
        case .array(let index): .index(index)
        }
    }

    /// Returns the index behind a string.
    private static func end(ofString start: Int, in text: [UInt8]) -> Int {
        var index = start + 1
        while index < text.count, text[index] != UInt8(ascii: "\"") {
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, text.count)
    }

    /// Returns the characters of a string with its marks.
    private static func string(_ text: ArraySlice<UInt8>) -> String {
        let plain = String(decoding: text.dropFirst().dropLast(), as: UTF8.self)
        return plain.contains("\\") ? (try? JSONDecoder().decode(String.self, from: Data(text))) ?? plain : plain
    }
}
