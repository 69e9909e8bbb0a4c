internal import AudioClassifier
internal import AudioFrontend
internal import FoundationEssentials
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOWebSocket
internal import StrictCoding

/// What a WebSocket is for.
enum WebSocketTask: Sendable {
    /// A stream: samples in, records out.
    case stream(OpenStream, StreamParameters)
    /// Looking on at a running stream.
    case watch(id: String, start: Record, loop: InferenceLoop, number: Int, output: AsyncStream<StreamOutput>)
}

/// A WebSocket: binary messages carry samples, text messages JSON.
struct WebSocketConnection: Sendable {
    typealias Channels = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    let hub: StreamHub

    /// Set when the client has closed: nothing may be sent after the answer.
    private final class Closing: Sendable {
        private let value = NIOLockedValueBox(false)
        var isSet: Bool { value.withLockedValue { $0 } }
        func set() { value.withLockedValue { $0 = true } }
    }

    func serve(_ channel: Channels, _ task: WebSocketTask) async {
        // Whoever has gone cannot be told.
        try? await channel.executeThenClose { inbound, outbound in
            let closing = Closing()
            switch task {
            case .stream(let stream, let parameters):
                await StreamConnection(stream: stream, connections: hub.connections).run {
                    try await read(inbound, outbound, stream, parameters, closing)
                } write: {
                    try await write(stream, outbound, closing)
                }
            case .watch(let id, let start, let loop, let number, let output):
                await watch(inbound, outbound, start: start, output)
                await loop.unwatch(id, number)
            }
        }
    }

    // MARK: A stream

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
        _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>, _ stream: OpenStream,
        _ parameters: StreamParameters, _ closing: Closing
    ) async throws -> StreamEnd {
        var receiver = AudioReceiver(stream, try StreamHub.decoder(parameters, name: stream.id, rate: stream.rate))
        var isComplete = false
        for try await frame in inbound {
            switch frame.opcode {
            case .binary where !isComplete: _ = try await receiver.receive(Array(frame.unmaskedData.readableBytesView))
            case .text where !isComplete:
                switch try Control(Array(frame.unmaskedData.readableBytesView)) {
                case .end:
                    isComplete = true
                    try await receiver.finish()
                    await stream.loop.end(stream.id, .complete)
                case .gap(let lost): await stream.loop.lose(lost, of: stream.id)
                case .ping(let id):
                    let status = await stream.loop.status(of: stream.id)
                    try await outbound.write(Self.text(Self.pong(id, status)))
                }
            case .ping: try await outbound.write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
            case .connectionClose:
                try await answerClose(frame, outbound, closing)
                // Who closes without a word about the end may come back.
                return isComplete ? .complete : .lost
            case .binary, .text, .continuation, .pong: break
            default:
                throw ClassifierError(
                    .data, code: "protocol", "a frame's opcode is none of RFC 6455; is a proxy in between?")
            }
        }
        return isComplete ? .complete : .lost
    }

    private func write(
        _ stream: OpenStream, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>, _ closing: Closing
    ) async throws {
        try await outbound.write(Self.text(stream.start.json))
        for await output in stream.output where !closing.isSet { try await write(output, outbound) }
        guard !closing.isSet else { return }
        for record in stream.ending.records { try await outbound.write(Self.text(record.json)) }
        try await outbound.write(Self.close(stream.ending.records))
    }

    // MARK: Looking on

    private func watch(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
        _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>, start: Record, _ output: AsyncStream<StreamOutput>
    ) async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                do {
                    try await outbound.write(Self.text(start.json))
                    for await element in output { try await write(element, outbound) }
                    try await outbound.write(Self.close([]))
                } catch {
                    // The reader has gone.
                }
            }
            tasks.addTask {
                do {
                    for try await frame in inbound {
                        switch frame.opcode {
                        case .ping:
                            try await outbound.write(
                                WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
                        case .connectionClose:
                            try await answerClose(frame, outbound, Closing())
                            return
                        default: break
                        }
                    }
                } catch {
                    // The connection broke: there is nobody to look on.
                }
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    // MARK: Frames

    private func write(
        _ output: StreamOutput, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws {
        switch output {
        case .records(let records): try await outbound.write(contentsOf: records.map { Self.text($0.json) })
        case .features(let first, let values):
            var data = ByteBuffer()
            data.writeInteger(first, endianness: .little)
            for value in values { data.writeInteger(value.bitPattern, endianness: .little) }
            try await outbound.write(WebSocketFrame(fin: true, opcode: .binary, data: data))
        }
    }

    private func answerClose(
        _ frame: WebSocketFrame, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>, _ closing: Closing
    ) async throws {
        closing.set()
        var data = frame.unmaskedData
        try await outbound.write(
            WebSocketFrame(fin: true, opcode: .connectionClose, data: data.readSlice(length: 2) ?? ByteBuffer()))
    }

    private static func text(_ json: String) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: json))
    }

    /// 1000 after a proper end; 1008 with the code of the failure otherwise.
    private static func close(_ records: [Record]) -> WebSocketFrame {
        var data = ByteBuffer()
        let failure = records.compactMap { if case .failure(_, let code, _) = $0 { code } else { nil } }.first
        data.write(webSocketErrorCode: failure == nil ? .normalClosure : .policyViolation)
        data.writeString(failure ?? "")
        return WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
    }

    private static func pong(_ id: Double?, _ status: StreamStatus?) -> String {
        var line = JSONWriter(type: "pong")
        if let id { line.add("id", id, decimals: 3) }
        if let status {
            line.add("sample", Int(status.position))
            line.add("queued_samples", status.queued)
        }
        return line.text
    }
}

/// A text message of a client.
enum Control: Equatable {
    /// All audio has been sent.
    case end
    /// So many samples at the model's rate are lost on the client's side.
    case gap(Int64)
    case ping(Double?)

    init(_ bytes: [UInt8]) throws(ClassifierError) {
        let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        switch value?["type"]?.string {
        case "end": self = .end
        case "ping": self = .ping(value?["id"]?.number.flatMap { abs($0) < 1e12 ? $0 : nil })
        case "gap":
            guard let lost = value?["lost_samples"]?.number, let count = Int64(exactly: lost),
                (0...1 << 40).contains(count)
            else { fallthrough }
            self = .gap(count)
        default:
            throw ClassifierError(
                .data, code: "control",
                "a text message is {\"type\":\"end\"}, {\"type\":\"ping\"} or {\"type\":\"gap\",\"lost_samples\":N}")
        }
    }
}
