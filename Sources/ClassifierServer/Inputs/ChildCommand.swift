internal import AudioClassifier
internal import CSpawn
internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A running command, with its standard output and standard error as channels.
///
/// posix_spawn(3) gives it its own process group, so that its children end with it, and none of the service's
/// descriptors. Foundation's Process offers neither.
struct ChildCommand: Sendable {
    typealias Output = NIOAsyncChannel<ByteBuffer, Never>

    let output: Output
    let errors: Output
    private let process: pid_t

    /// Time to end after the end of its output, and after SIGTERM, in seconds.
    private static let patience = (end: 1.0, termination: 2.0)
    /// Bytes of one read, a tenth of a second of speech: larger reads would delay a live source.
    private static let piece = 4096
    /// Variables of systemd that are for the service alone.
    private static let ownVariables: Set<String> = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
        "CREDENTIALS_DIRECTORY",
    ]
    /// Variables with the settings' prefix that a command may see. The others may hold the token, or name its file.
    private static let sharedVariables: Set<String> = [SettingVariable.modelFolder, SettingVariable.kernels]

    /// Starts a command.
    /// - Parameter idleSeconds: the longest time without output, after which reading throws ``ClientIdle``.
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
            await end(child.process, immediately: true)
            throw error
        }
    }

    /// - Throws: ``ClassifierError`` if there is no such program or the system has no room for it.
    private static func spawn(_ arguments: [String]) throws(ClassifierError) -> spawn_child {
        let environment = ProcessInfo.processInfo.environment.filter { name, _ in
            !ownVariables.contains(name)
                && (!name.hasPrefix(SettingVariable.prefix) || sharedVariables.contains(name))
        }
        let words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup("\($0)=\($1)") } + [nil]
        defer { unsafe (words + variables).forEach { unsafe free($0) } }
        var child = spawn_child()
        let failure = unsafe spawn_start(&child, words, variables)
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

    /// Ends all processes of the command's group.
    /// - Parameter immediately: whether SIGTERM is sent without a wait for the command's own end.
    /// - Returns: a predicate for the log, as in "ended with status 0".
    @discardableResult
    func end(immediately: Bool) async -> String { await Self.end(process, immediately: immediately) }

    @discardableResult
    private static func end(_ process: pid_t, immediately: Bool) async -> String {
        // A new task, because the caller's may have been cancelled.
        await Task {
            var isTerminated = immediately
            if !immediately {
                let hasEnded = await waitForEnd(process, atMost: patience.end)
                isTerminated = !hasEnded
            }
            if isTerminated {
                kill(-process, SIGTERM)
                _ = await waitForEnd(process, atMost: patience.termination)
            }
            // The command is not reaped yet, so the number of its group cannot belong to another one.
            kill(-process, SIGKILL)
            _ = await waitForEnd(process, atMost: patience.termination)
            var status: Int32 = 0
            guard unsafe waitpid(process, &status, WNOHANG) == process else { return "does not end" }
            let signal = status & 0x7F
            if isTerminated { return immediately ? "was ended" : "closed its output and was ended" }
            return signal == 0 ? "ended with status \(status >> 8 & 0xFF)" : "ended by signal \(signal)"
        }.value
    }

    private static func waitForEnd(_ process: pid_t, atMost seconds: Double) async -> Bool {
        // Invariant: times are constants of a few seconds.
        let deadline = NIODeadline.now() + .nanoseconds(Int64(seconds * 1e9))
        while spawn_has_ended(process) == 0 {
            guard NIODeadline.now() < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }
}
