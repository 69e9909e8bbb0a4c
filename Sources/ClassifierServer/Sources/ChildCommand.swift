internal import AudioClassifier
internal import CSpawn
internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A running command: its output and its errors as channels, and its end, with everything that it has started.
///
/// It is started by posix_spawn(3) directly: it gets a process group of its own and none of the service's descriptors,
/// neither of which Foundation's Process offers.
struct ChildCommand: Sendable {
    typealias Output = NIOAsyncChannel<ByteBuffer, Never>

    let output: Output
    let errors: Output
    private let process: pid_t

    /// How long a command may take to end by itself after its output has ended, and after SIGTERM, in seconds.
    private static let patience = (end: 1.0, termination: 2.0)
    /// Bytes a read: a tenth of a second of speech, so that a live source is not held up.
    private static let piece = 4096
    /// What systemd tells this process alone.
    private static let ownVariables: Set<String> = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
    ]

    /// - Parameter idleSeconds: without output for so long, ``ClientIdle`` ends it.
    static func start(
        _ arguments: [String], idleSeconds: Double, group: any EventLoopGroup
    ) async throws -> ChildCommand {
        let child = try spawn(arguments)
        do {
            let output = try await channel(child.output, idleSeconds: idleSeconds, group)
            do {
                return ChildCommand(
                    output: output, errors: try await channel(child.errors, idleSeconds: nil, group),
                    process: child.process)
            } catch {
                try? await output.channel.close()
                throw error
            }
        } catch {
            await end(child.process, atOnce: true)
            throw error
        }
    }

    /// - Throws: ``ClassifierError`` where there is no such program, or the system has no room for it.
    private static func spawn(_ arguments: [String]) throws(ClassifierError) -> command {
        let environment = ProcessInfo.processInfo.environment.filter { !ownVariables.contains($0.key) }
        let words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup("\($0)=\($1)") } + [nil]
        defer { unsafe (words + variables).forEach { unsafe free($0) } }
        var child = command()
        let failure = unsafe command_start(&child, words, variables)
        guard failure == 0 else {
            throw ClassifierError(
                .unavailable, code: "source",
                "\(arguments.first ?? "") cannot be started: \(unsafe String(cString: strerror(failure)))")
        }
        return child
    }

    private static func channel(
        _ descriptor: Int32, idleSeconds: Double?, _ group: any EventLoopGroup
    ) async throws -> Output {
        try await NIOPipeBootstrap(group: group)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: piece))
            .channelOption(.maxMessagesPerRead, value: 1)
            .takingOwnershipOfDescriptor(input: descriptor) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let idleSeconds { try IdleFailure.add(to: channel, seconds: idleSeconds) }
                    return try Output(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)))
                }
            }
    }

    /// Ends the command and whatever it has started in its process group.
    /// - Parameter atOnce: do not wait for it to end by itself.
    /// - Returns: how it has ended, in words.
    @discardableResult
    func end(atOnce: Bool) async -> String { await Self.end(process, atOnce: atOnce) }

    @discardableResult
    private static func end(_ process: pid_t, atOnce: Bool) async -> String {
        // A task of its own, because the one that asks may have been cancelled, and this must be done.
        await Task {
            var isTold = atOnce
            if !atOnce {
                let isOver = await waitForEnd(process, atMost: patience.end)
                isTold = !isOver
            }
            if isTold {
                kill(-process, SIGTERM)
                _ = await waitForEnd(process, atMost: patience.termination)
            }
            // The group's number is the command's, which is its own until it is reaped.
            kill(-process, SIGKILL)
            _ = await waitForEnd(process, atMost: patience.termination)
            var status: Int32 = 0
            guard unsafe waitpid(process, &status, WNOHANG) == process else { return "does not end" }
            let signal = status & 0x7F
            if isTold { return atOnce ? "was ended" : "closed its output and was ended" }
            return signal == 0 ? "ended with status \(status >> 8 & 0xFF)" : "ended by signal \(signal)"
        }.value
    }

    private static func waitForEnd(_ process: pid_t, atMost seconds: Double) async -> Bool {
        let deadline = NIODeadline.now() + .nanoseconds(Int64(seconds * 1e9))
        while command_has_ended(process) == 0 {
            guard NIODeadline.now() < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }
}
