internal import AudioClassifier
internal import NIOCore
internal import StrictCoding

/// The form of a stream's outputs on a connection.
protocol OutputFraming: Sendable {
    func append(_ record: Record, to buffer: inout ByteBuffer)
    func append(_ output: StreamOutput, to buffer: inout ByteBuffer)
    /// Appends what follows the last records.
    /// - Parameter failure: the code of the `error` record among them.
    func appendEnd(failure: String?, to buffer: inout ByteBuffer)
}

/// A connection with a stream or a watcher, on its event loop: writes outputs into one buffer, bounds what waits for a
/// slow reader, closes a client that says nothing, and carries out the steps of the connection's life.
final class ClientConnection: StreamClient {
    struct Limits {
        /// The bound of what waits for the reader.
        let outputs: OutputLimit
        /// Longest silence of the client in seconds; nil for a watcher, which has nothing to say.
        let idleSeconds: Double?
    }

    /// Time for a slow client to read the last lines.
    private static let patience = TimeAmount.seconds(5)
    /// Time for a client to stop sending after the last lines.
    private static let linger = TimeAmount.seconds(1)
    /// Largest buffer that is used again.
    private static let keptCapacity = 1 << 16

    private let channel: any Channel
    /// The place in the channel's pipeline from which buffers go to the socket.
    private let outlet: ChannelHandlerContext
    private let framing: any OutputFraming
    private let limits: Limits
    private let connections: ConnectionCount
    /// Ends the stream, or the watching.
    private let end: (EndReason) -> Void
    /// Whether the end of the output can be said by closing half of the connection.
    private let closesOutput: Bool
    private var life = ConnectionLife()
    private var buffer = ByteBuffer()
    /// Number of outputs that the client's system has no room for.
    private var waiting = 0
    private var isReading = true
    private var isLastSent = false
    private var lastActivity = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(
        _ channel: any Channel, outlet: ChannelHandlerContext, framing: any OutputFraming, limits: Limits,
        closesOutput: Bool, connections: ConnectionCount, end: @escaping (EndReason) -> Void
    ) {
        self.channel = channel
        self.outlet = outlet
        self.framing = framing
        self.limits = limits
        self.closesOutput = closesOutput
        self.connections = connections
        self.end = end
        connections.enter()
        // Invariant: settings of times are at most a day.
        if let seconds = limits.idleSeconds { watchSilence(.nanoseconds(Int64(seconds * 1e9))) }
    }

    /// Whether the client's audio is still wanted.
    var takesInput: Bool { life.takesInput }

    // MARK: Input

    /// Notes that the client has sent something.
    func noteActivity() { lastActivity = .now() }

    /// Ends the input.
    /// - Parameter reason: the end of the stream that follows from it; nil if the input itself says the end.
    func endInput(_ reason: EndReason?) { perform(life.endInput(reason)) }

    /// Ends the input of a client that wants no more output either.
    /// - Parameter answer: appends the last bytes that the client gets.
    func close(_ reason: EndReason?, answer: (inout ByteBuffer) -> Void) {
        endInput(reason)
        guard life.finish() else { return }
        buffer.clear()
        answer(&buffer)
        startTimer(Self.linger)
        flush()
    }

    /// Notes that the connection is closed; called once.
    func closed() {
        timer?.cancel()
        perform(life.broken())
        connections.leave()
    }

    func setReading(_ isReading: Bool) {
        self.isReading = isReading
        noteActivity()
        try? channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    private func watchSilence(_ limit: TimeAmount) {
        let silence = isReading ? NIODeadline.now() - lastActivity : .zero
        guard silence < limit else {
            let seconds = Decimal.text(limits.idleSeconds ?? 0, 1)
            return endInput(
                .failed(
                    code: "idle",
                    message: "no audio came for \(seconds) s; end the stream when there is no more audio"))
        }
        timer = channel.eventLoop.assumeIsolated().scheduleTask(in: limit - silence) { self.watchSilence(limit) }
    }

    // MARK: Output

    func write(_ output: StreamOutput) {
        guard life.isServing else { return }
        if case .record(let record) = output {
            framing.append(record, to: &buffer)
        } else {
            framing.append(output, to: &buffer)
        }
        waiting += 1
    }

    /// Adds bytes of the protocol itself.
    func write(_ append: (inout ByteBuffer) -> Void) {
        guard life.isServing else { return }
        append(&buffer)
        waiting += 1
    }

    func finish(_ records: [Record]) {
        guard life.finish() else { return }
        for record in records { framing.append(record, to: &buffer) }
        let failure = records.compactMap { if case .failure(_, let code, _) = $0 { code } else { nil } }.first
        framing.appendEnd(failure: failure, to: &buffer)
        timer?.cancel()
        startTimer(Self.patience)
    }

    func flush() {
        switch life.state {
        case .serving where waiting > 0:
            if channel.isWritable {
                waiting = 0
                send(nil)
            } else if let excess = limits.outputs.excess(outputs: waiting, bytes: buffer.readableBytes) {
                end(.failed(code: "slow_reader", message: excess))
            }
        case .writing where !isLastSent:
            isLastSent = true
            let promise = channel.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { self.perform(self.life.written()) }
            send(promise)
        case .serving, .writing, .lingering, .closed: break
        }
    }

    private func send(_ promise: EventLoopPromise<Void>?) {
        // A write to a client that has closed its connection fails and closes the channel. What the client has sent
        // before is read then, unless reading is paused.
        let isPaused = !isReading
        if isPaused { try? channel.syncOptions?.setOption(.autoRead, value: true) }
        defer { if isPaused { try? channel.syncOptions?.setOption(.autoRead, value: isReading) } }
        outlet.writeAndFlush(NIOAny(buffer), promise: promise)
        // The buffer is used again if the socket has taken all of it, but not one that a slow reader has made large.
        if buffer.capacity > Self.keptCapacity { buffer = ByteBuffer() } else { buffer.clear() }
    }

    private func startTimer(_ time: TimeAmount) {
        timer?.cancel()
        timer = channel.eventLoop.assumeIsolated().scheduleTask(in: time) { self.perform(self.life.timeout()) }
    }

    private func perform(_ steps: [ConnectionLife.Step]) {
        for step in steps {
            switch step {
            case .endStream(let reason): end(reason)
            case .endOutput:
                if closesOutput { channel.close(mode: .output, promise: nil) }
                startTimer(Self.linger)
            case .close:
                timer?.cancel()
                channel.close(promise: nil)
            }
        }
    }
}
