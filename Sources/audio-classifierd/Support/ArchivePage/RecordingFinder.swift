package import AudioFrontend

/// Finds recordings by their names in results. A relative name is that of a file in the present folder, or in one that
/// has the results: the folder in which `classify` ran is often one of them.
package struct RecordingFinder: Sendable {
    private let folders: [FileName]

    /// - Parameter sources: files of results.
    package init(_ sources: [FileName]) {
        folders = sources.filter { !$0.isStandardInput }.map(\.folder)
    }

    /// Returns the file of a recording; nil if there is none.
    package func file(_ name: String) -> FileName? {
        let names = [FileName(name), Self.decoded(name)]
        let isAbsolute = name.hasPrefix("/")
        return ([nil] + (isAbsolute ? [] : folders)).lazy.flatMap { folder in
            names.map { folder?.appending($0) ?? $0 }
        }.first(where: \.exists)
    }

    /// Makes a name of its text in results, in which `\xE9` may stand for a byte that is not UTF-8.
    private static func decoded(_ text: String) -> FileName {
        let bytes = Array(text.utf8)
        var name: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: "\\x".utf8), index + 4 <= bytes.count,
                let byte = UInt8(String(decoding: bytes[(index + 2)..<(index + 4)], as: UTF8.self), radix: 16)
            {
                name.append(byte)
                index += 4
            } else {
                name.append(bytes[index])
                index += 1
            }
        }
        return FileName(bytes: name)
    }
}
