/// The words of a caller's interface, in which messages about an input say what to change: options of a command line,
/// or parameters of a request.
public struct InputAdvice: Sendable {
    /// The settings that declare raw PCM.
    public var rawPCM: String
    /// The characters before a setting's name, and between the name and its value.
    public var marks: (before: String, between: String)
    /// The command that classifies a WAV from its standard input.
    public var classifyingCommand: String

    public init(rawPCM: String, marks: (before: String, between: String), classifyingCommand: String) {
        self.rawPCM = rawPCM
        self.marks = marks
        self.classifyingCommand = classifyingCommand
    }

    /// Of the program's command line.
    public static let commandLine = InputAdvice(
        rawPCM: "--input-format raw, with --sample-format and --rate", marks: ("--", " "),
        classifyingCommand: "audio-classifierd run -")

    /// Returns the command that converts a recording and classifies it.
    /// - Parameter file: the recording's name, if it has one.
    func conversion(of file: FileName?) -> String {
        "convert it first: ffmpeg -i \(file?.quoted ?? "X") -f wav - | \(classifyingCommand)"
    }
}

extension FileName {
    /// The command that converts this recording to a file beside it, which an archive is searched for.
    package var conversionCommand: String {
        "ffmpeg -i \(quoted) \(FileName(bytes: bytes + Array(".flac".utf8)).quoted)"
    }

    /// The name as a word of a shell that every program takes for a file.
    package var quoted: String {
        // ffmpeg takes a dash for an option, and a word before a colon for a protocol.
        let isMistaken = bytes.first == 0x2D || bytes.contains(0x3A) && bytes.first != 0x2F
        return isMistaken ? FileName(bytes: Array("./".utf8) + bytes).shellWord : shellWord
    }

    /// The bytes as a word of a shell.
    package var shellWord: String {
        let plain = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+=:,@%".utf8)
        if !bytes.isEmpty, bytes.allSatisfy({ plain.contains($0) }) { return description }
        if isText && !bytes.contains(where: { $0 < 0x20 }) {
            return "'" + description.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
                + "'"
        }
        let escaped = bytes.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return plain.contains(byte) || byte == 0x20
                ? String(UnicodeScalar(byte)) : "\\x" + (digits.count < 2 ? "0" : "") + digits
        }
        return "$'" + escaped.joined() + "'"
    }
}
