/// Numbers of things in sentences: 1 file, 2 files.
package enum Quantity {
    /// Returns a number with the word for so many things.
    /// - Parameter several: the word for another number than one; nil is the word with an s.
    package static func text(_ count: some BinaryInteger, _ one: String, _ several: String? = nil) -> String {
        "\(count) \(word(count, one, several))"
    }

    /// Returns the word for so many things.
    package static func word(_ count: some BinaryInteger, _ one: String, _ several: String? = nil) -> String {
        count == 1 ? one : several ?? one + "s"
    }
}
