import AudioClassifier
import Foundation
import NIOCore
import NIOPosix

/// A server for microphones: each TCP connection sends samples (mono, 16 bits, little-endian, at the model's rate) and
/// gets a line of JSON when an event starts and when it has ended.
///
///     nio-server general 8765
///     arecord -q -t raw -f S16_LE -r 16000 -c 1 | nc localhost 8765
///
/// A client that does not read its lines is not read from either: its sequence of events waits for `write`, so that it
/// asks for no more samples, and TCP makes the client wait.
@main
struct NIOServer {
    typealias Connection = NIOAsyncChannel<[Float], ByteBuffer>

    let model: AudioModel

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let port = Int(arguments[2]) else {
            log("usage: nio-server MODEL PORT; port 0 is any free one")
            exit(64)
        }
        try await NIOServer(model: AudioModel(named: arguments[1])).run(port: port)
    }

    func run(port: Int) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // A client that has sent everything still gets its lines.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(SampleDecoder()))
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        log("listening on port \(listener.channel.localAddress?.port ?? port) with \(model.name)")
        try await withThrowingDiscardingTaskGroup { tasks in
            try await listener.executeThenClose { connections in
                var count = 0
                for try await connection in connections {
                    count += 1
                    let name = "client-\(count)"
                    tasks.addTask { await serve(connection, as: name) }
                }
            }
        }
    }

    func serve(_ connection: Connection, as name: String) async {
        do {
            try await connection.executeThenClose { samples, lines in
                for try await event in AudioClassifier.events(of: samples, model: model) {
                    try await lines.write(ByteBuffer(string: Record(event, stream: name).json + "\n"))
                }
            }
        } catch { log("\(name): \(error)") }
    }
}

/// Writes a line to standard error.
func log(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

/// Decodes 16-bit samples. Half a sample waits for its other byte.
struct SampleDecoder: ByteToMessageDecoder {
    typealias InboundOut = [Float]

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        var samples: [Float] = []
        samples.reserveCapacity(buffer.readableBytes / 2)
        while let sample = buffer.readInteger(endianness: .little, as: Int16.self) {
            samples.append(Float(sample) / 32768)
        }
        if !samples.isEmpty { context.fireChannelRead(wrapInboundOut(samples)) }
        return .needMoreData
    }
}
