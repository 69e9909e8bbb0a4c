internal import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import StrictCoding

/// A request that cannot be taken, with its name if that could be read.
struct RequestFault: Error {
    let request: String?
    let error: ClassifierError
    /// Bytes that follow the header and belong to the request.
    var payload = 0
}

/// The header of a request.
struct Request: Sendable {
    enum Kind: String, CaseIterable {
        /// A recording by its path or its bytes.
        case classify
        /// Log-mel frames, or samples, of a recording.
        case features
        /// The audio files below a folder.
        case find
        /// The model.
        case describe
        /// The start of a stream.
        case open
        /// Bytes of a stream.
        case push
        /// The end of a stream.
        case close
    }

    /// Longest header.
    static let longestHeader = 1 << 16
    /// Most bytes behind a header.
    static let largestPayload = 1 << 30
    private static let longestName = 256
    private static let ownMembers = ["type", "request", "bytes", "path", "path_hex", "name"]

    let kind: Kind
    /// The client's name of the request or of the stream.
    let name: String
    /// Bytes that follow the header; nil for none.
    let payload: Int?
    /// The recording's file; nil where its bytes follow.
    let file: FileName?
    /// The recording's name in records, if it is another one than its path.
    let recording: String?
    /// Members that are settings.
    let settings: [String: JSONValue]

    /// Reads a header.
    /// - Throws: ``RequestFault``.
    init(_ line: ArraySlice<UInt8>) throws(RequestFault) {
        let members = try Self.members(line)
        let payload = try Self.payload(members)
        let skipped = payload ?? 0
        guard let name = members["request"]?.string, (1...Self.longestName).contains(name.utf8.count) else {
            throw Self.fault(nil, "request: expected a text of 1 to \(Self.longestName) bytes", skipped)
        }
        guard let kind = members["type"]?.string.flatMap(Kind.init(rawValue:)) else {
            let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.fault(name, "type: expected one of \(kinds)", skipped)
        }
        file = try Self.file(members, name, skipped)
        let fault: String? =
            switch kind {
            case .classify, .features: (payload == nil) == (file == nil) ? "needs one of path, path_hex and bytes" : nil
            case .find: payload != nil || file == nil ? "needs one of path and path_hex, and no bytes" : nil
            case .push: payload == nil || file != nil ? "needs bytes, and no path" : nil
            case .describe, .open, .close: payload != nil || file != nil ? "takes neither a path nor bytes" : nil
            }
        if let fault { throw Self.fault(name, "\(kind.rawValue) \(fault)", skipped) }
        self.kind = kind
        self.name = name
        self.payload = payload
        recording = try Self.text(members, "name", name, skipped)
        settings = members.filter { !Self.ownMembers.contains($0.key) }
    }

    private static func members(_ line: ArraySlice<UInt8>) throws(RequestFault) -> [String: JSONValue] {
        var fault = "a request begins with a line that is a JSON object"
        guard JSONNesting.isShallow(line) else { throw Self.fault(nil, fault, 0) }
        do {
            if case .object(let members) = try JSONDecoder().decode(JSONValue.self, from: Data(line)) { return members }
        } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
            fault = DecodingError.dataCorrupted(context).explanation()
        } catch {
            // Anything else is no JSON.
        }
        throw Self.fault(nil, fault, 0)
    }

    private static func payload(_ members: [String: JSONValue]) throws(RequestFault) -> Int? {
        guard let value = members["bytes"] else { return nil }
        let name = members["request"]?.string
        let number = value.number.flatMap(Int.init(exactly:)) ?? value.string.flatMap { Int($0) }
        guard let count = number, count >= 0 else {
            throw fault(name, "bytes: expected a whole number from 0 to \(largestPayload)", 0)
        }
        guard count <= largestPayload else {
            throw fault(name, "bytes: \(count) is above the limit of \(largestPayload)", count)
        }
        return count
    }

    private static func file(
        _ members: [String: JSONValue], _ name: String, _ skipped: Int
    ) throws(RequestFault) -> FileName? {
        let path = try text(members, "path", name, skipped)
        guard let digits = try text(members, "path_hex", name, skipped) else {
            guard path != "-" else { throw fault(name, "path: standard input carries the requests", skipped) }
            return path.map { FileName($0) }
        }
        guard path == nil, let bytes = bytes(ofHex: digits), !bytes.isEmpty, !bytes.contains(0),
            bytes != [UInt8(ascii: "-")]
        else {
            throw fault(name, "path_hex: expected pairs of hexadecimal digits, without path beside it", skipped)
        }
        return FileName(bytes: bytes)
    }

    private static func text(
        _ members: [String: JSONValue], _ key: String, _ name: String, _ skipped: Int
    ) throws(RequestFault) -> String? {
        guard let value = members[key] else { return nil }
        guard let text = value.string, !text.isEmpty, !text.utf8.contains(0) else {
            throw fault(name, "\(key): expected a text without a zero byte", skipped)
        }
        return text
    }

    private static func bytes(ofHex digits: String) -> [UInt8]? {
        let digits = Array(digits.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { index in
            digits[index] == UInt8(ascii: "+")
                ? nil : UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
        }
        return bytes.contains(nil) ? nil : bytes.compactMap(\.self)
    }

    private static func fault(_ request: String?, _ message: String, _ payload: Int) -> RequestFault {
        RequestFault(
            request: request, error: ClassifierError(.usage, code: "request", message), payload: payload)
    }
}
