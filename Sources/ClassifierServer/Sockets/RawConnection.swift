internal import AudioClassifier
internal import AudioFrontend
internal import NIOCore

/// Serves a connection of raw PCM in and JSON lines out. The connection is one stream with the configured format; when
/// the client ends sending, it gets the rest of the lines.
struct RawConnection: Sendable {
    let hub: StreamHub
    let idleSeconds: Double
    /// Beginning of the streams' names: `tcp` or `unix`.
    let prefix: String

    typealias Channels = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    func initialize(_ channel: any Channel) -> EventLoopFuture<Channels> {
        channel.eventLoop.makeCompletedFuture {
            try IdleFailure.add(to: channel, seconds: idleSeconds)
            return try Channels(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func serve(_ channel: Channels, client: String) async {
        await withTaskExecutorPreference(EventLoopTasks(channel.channel.eventLoop)) {
            await exchange(channel, client: client)
        }
    }

    private func exchange(_ channel: Channels, client: String) async {
        // A broken connection ends the exchange; there is no reader for the error.
        try? await channel.executeThenClose { inbound, outbound in
            let parameters = StreamParameters(hub.defaults)
            let stream: OpenStream
            do throws(AdmissionRefusal) {
                stream = try await hub.open(
                    parameters, prefix: prefix, client: client, eventLoop: channel.channel.eventLoop)
            } catch {
                let record = Record.failure(stream: prefix, code: error.reason.rawValue, message: error.message)
                try await outbound.write(ByteBuffer(string: record.json + "\n"))
                return
            }
            await StreamConnection(stream: stream, connections: hub.connections).run {
                var receiver = AudioReceiver(
                    stream, try StreamHub.decoder(parameters, name: stream.id, rate: stream.rate))
                for try await buffer in inbound {
                    _ = try await receiver.receive(Array(buffer.readableBytesView))
                }
                try await receiver.finish()
                return .complete
            } write: {
                try await outbound.write(ByteBuffer(string: stream.start.json + "\n"))
                for await output in stream.output {
                    if case .records(let records) = output { try await outbound.write(Self.lines(records)) }
                }
                try await outbound.write(Self.lines(stream.finalRecords.records))
                outbound.finish()
            }
        }
    }

    private static func lines(_ records: [Record]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for record in records { buffer.writeString(record.json + "\n") }
        return buffer
    }
}
