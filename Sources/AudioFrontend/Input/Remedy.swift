/// Advice for a recording that cannot be decoded here.
enum Remedy {
    /// The command that converts a recording on its way to the program.
    /// - Parameter file: the recording's name, if it has one.
    static func convert(_ file: FileName?) -> String {
        "convert it first: ffmpeg -i \(file?.quoted ?? "X") -f wav - | audio-classifierd run -"
    }
}

extension FileName {
    /// The name as a word of a shell.
    fileprivate var quoted: String {
        let plain = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+=:,@%".utf8)
        // ffmpeg takes a dash for an option, and a word before a colon for a protocol.
        let name = bytes.first == 0x2D || bytes.contains(0x3A) && bytes.first != 0x2F ? "./\(self)" : description
        if bytes.allSatisfy({ plain.contains($0) }) { return name }
        if isText && !bytes.contains(where: { $0 < 0x20 }) {
            return "'" + name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        }
        let escaped = bytes.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return plain.contains(byte) || byte == 0x20
                ? String(UnicodeScalar(byte)) : "\\x" + (digits.count < 2 ? "0" : "") + digits
        }
        return "$'" + escaped.joined() + "'"
    }
}
