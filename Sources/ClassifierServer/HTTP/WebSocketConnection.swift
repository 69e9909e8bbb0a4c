internal import AudioClassifier
internal import AudioFrontend
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOWebSocket
internal import StrictCoding

/// The purpose of a WebSocket.
enum WebSocketTask: Sendable {
    /// A stream: samples in, records out.
    case stream(OpenStream, StreamParameters)
    /// Watching a running stream.
    case watch(id: String, start: Record, loop: InferenceLoop, number: Int, output: AsyncStream<StreamOutput>)
}

/// Serves a WebSocket: binary messages carry samples, text messages JSON.
struct WebSocketConnection: Sendable {
    typealias Channels = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    let hub: StreamHub

    /// A flag that is set when the client has closed, because nothing may be sent after the close frame.
    private final class Closing: Sendable {
        private let value = NIOLockedValueBox(false)
        var isSet: Bool { value.withLockedValue { $0 } }
        func set() { value.withLockedValue { $0 = true } }
    }

    func serve(_ channel: Channels, _ task: WebSocketTask) async {
        // A broken connection ends the exchange; there is no reader for the error.
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
    ) async throws -> EndReason {
        var receiver = AudioReceiver(stream, try StreamHub.decoder(parameters, name: stream.id, rate: stream.rate))
        var isComplete = false
        for try await frame in inbound {
            switch frame.opcode {
            case .binary where !isComplete: _ = try await receiver.receive(Array(frame.unmaskedData.readableBytesView))
            case .text where !isComplete:
                switch try ControlMessage(Array(frame.unmaskedData.readableBytesView)) {
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
                // A client that closes without `end` may resume the stream.
                return isComplete ? .complete : .lost
            case .binary, .text, .continuation, .pong: break
            default:
                throw ClassifierError(
                    .data, code: "protocol",
                    "a frame has an opcode that RFC 6455 does not define; does a proxy change the frames?")
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
        for record in stream.finalRecords.records { try await outbound.write(Self.text(record.json)) }
        try await outbound.write(Self.close(stream.finalRecords.records))
    }

    // MARK: Watching

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
                    // The connection broke.
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
                    // The connection broke.
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

    /// Returns a close frame: 1000 after a proper end, otherwise 1008 with the code of the failure.
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
