internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// The program as a process of its own.
///
/// Its output goes to unnamed files, so that it never waits for a reader and can be read while it runs.
final class ChildProcess {
    enum Input {
        /// `/dev/null`
        case nothing
        /// The descriptor is closed.
        case closed
        /// A pipe for ``write(_:piece:)``.
        case pipe
        /// A file, from a byte offset on.
        case file(String, from: Int)
    }

    enum Output {
        case kept
        case closed
        /// A pipe that the test reads: see ``outputPipe``.
        case pipe
        /// A non-blocking pipe that the test reads.
        case nonBlockingPipe
        case file(String)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Serialises starts: a child that is spawned between the creation of a pipe and its mark "close on exec" would
    /// inherit it, and keep it open.
    private static let spawning = Mutex(())
    private static let patience = 60.0

    private let arguments: [String]
    let identifier: pid_t
    private let output: Int32
    private let errors: Int32
    private var inputPipe: Int32 = -1
    /// The reading end, if the output is a pipe.
    private(set) var outputPipe: Int32 = -1
    private var status: Int32?

    /// - Parameter environment: variables that replace the tests' own; an empty value removes a variable.
    init(
        _ arguments: [String], input: Input = .nothing, output: Output = .kept, environment: [String: String] = [:],
        program: String = Program.path
    ) throws {
        // A child that ends early must fail a test, not end all tests.
        signal(SIGPIPE, SIG_IGN)
        let output = (kept: try Self.unnamedFile(), errors: try Self.unnamedFile(), how: output)
        var variables = ProcessInfo.processInfo.environment
        variables["AUDIO_CLASSIFIERD_MODELS"] = Program.models
        variables["AUDIO_CLASSIFIERD_MODEL"] = Program.model
        variables.merge(environment) { $1 }
        variables = variables.filter { !$0.value.isEmpty }
        let started = try Self.spawning.withLock { _ in
            try Self.spawn([program] + arguments, variables, input, output.how, output.kept, output.errors)
        }
        self.arguments = arguments
        self.output = output.kept
        errors = output.errors
        identifier = started.identifier
        inputPipe = started.input
        outputPipe = started.output
    }

    deinit {
        if status == nil {
            kill(identifier, SIGKILL)
            _ = waitpid(identifier, nil, 0)
        }
        for descriptor in [output, errors, inputPipe, outputPipe] where descriptor >= 0 { close(descriptor) }
    }

    // MARK: Input

    /// Writes to the pipe that is the standard input.
    /// - Parameter piece: bytes of one write. After each write it waits until the child has read them, so that one read
    ///   returns exactly these bytes.
    func write(_ bytes: [UInt8], piece: Int? = nil) throws {
        let size = max(1, piece ?? bytes.count)
        for start in stride(from: 0, to: bytes.count, by: size) {
            guard try send(bytes[start..<min(start + size, bytes.count)]) else { return }
            if piece != nil { try waitUntilRead() }
        }
    }

    /// Ends the input.
    func closeInput() {
        close(inputPipe)
        inputPipe = -1
    }

    /// - Returns: false if the child has closed its input.
    private func send(_ bytes: ArraySlice<UInt8>) throws -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(inputPipe, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                return false
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: inputPipe, events: Int16(POLLOUT), revents: 0)
                guard unsafe poll(&waiting, 1, Int32(Self.patience * 1000)) == 1 else {
                    throw Failure(description: "\(arguments) does not read its input")
                }
            } else if errno != EINTR {
                throw Failure(description: "\(arguments): cannot write to its input, error \(errno)")
            }
        }
        return true
    }

    private func waitUntilRead() throws {
        var unread: Int32 = 1
        var turns = 0
        while unsafe ioctl(inputPipe, UInt(FIONREAD), &unread) == 0, unread > 0 {
            turns += 1
            if turns < 100 { sched_yield() } else { usleep(100) }
            guard turns < 200_000, !hasEnded() else { throw Failure(description: "\(arguments) stopped reading") }
        }
    }

    /// Waits until the child has opened the file at `path`, or has ended.
    func waitUntilOpen(_ path: String) throws {
        let folder = "/proc/\(identifier)/fd"
        var turns = 0
        while !hasEnded() {
            let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            let isOpen = descriptors.contains { descriptor in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)")) == path
            }
            if isOpen { return }
            turns += 1
            guard turns < 60_000 else { throw Failure(description: "\(arguments) does not open \(path)") }
            usleep(1000)
        }
    }

    // MARK: Output

    var outputSoFar: String { Self.contents(output) }

    var errorsSoFar: String { Self.contents(errors) }

    /// Waits until standard error fulfils the condition. It fails if the child ends before.
    func waitForErrors(_ isThere: (String) -> Bool) throws {
        let began = Self.now()
        while !isThere(errorsSoFar) {
            guard !hasEnded(), Self.now() - began < Self.patience else {
                throw Failure(description: "\(arguments): \(end): standard error is still \(errorsSoFar)")
            }
            usleep(1000)
        }
    }

    /// Waits until the output fulfils the condition. It fails if the child ends before.
    func waitForOutput(_ isThere: (String) -> Bool) throws {
        let began = Self.now()
        while !isThere(outputSoFar) {
            guard !hasEnded(), Self.now() - began < Self.patience else {
                throw Failure(description: "\(arguments): the output is still \(outputSoFar) \(Self.contents(errors))")
            }
            usleep(1000)
        }
    }

    /// Closes the reading end of the output.
    func closeOutput() {
        close(outputPipe)
        outputPipe = -1
    }

    /// Waits until an unread pipe is full.
    func waitUntilOutputIsFull() throws {
        var (waiting, before, turns): (Int32, Int32, Int) = (0, -1, 0)
        while waiting != before || waiting < 32768 {
            turns += 1
            guard turns < 300, !hasEnded() else { throw Failure(description: "\(arguments) does not fill its output") }
            before = waiting
            usleep(200_000)
            _ = unsafe ioctl(outputPipe, UInt(FIONREAD), &waiting)
        }
    }

    /// Reads the output to its end.
    func readOutput() -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe read(outputPipe, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    /// Seconds of processor time that the child has used.
    var processorSeconds: Double {
        let status = (try? String(contentsOf: URL(filePath: "/proc/\(identifier)/stat"), encoding: .utf8)) ?? ""
        // After the name in parentheses follow the state and ten numbers, then the two times (proc(5)).
        let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12 else { return 0 }
        return ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    // MARK: End

    func send(signal number: Int32) { kill(identifier, number) }

    /// Waits until the child has a handler for the signal, without which the signal would end it.
    func waitForHandler(of number: Int32) throws {
        for _ in 0..<Int(Self.patience * 1000) {
            let status = (try? String(contentsOf: URL(filePath: "/proc/\(identifier)/status"), encoding: .utf8)) ?? ""
            let mask = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last
            if let mask, let bits = UInt64(mask, radix: 16), bits >> UInt64(number - 1) & 1 == 1 { return }
            usleep(1000)
        }
        throw Failure(description: "\(arguments) does not handle signal \(number)")
    }

    func hasEnded() -> Bool {
        guard status == nil else { return true }
        var result: Int32 = 0
        guard unsafe waitpid(identifier, &result, WNOHANG) == identifier else { return false }
        let signal = result & 0x7F
        status = signal == 0 ? result >> 8 & 0xFF : -signal
        return true
    }

    /// What became of the child, for a message.
    private var end: String {
        guard let status else { return "it runs" }
        return status < 0 ? "signal \(-status) ended it" : "it ended with \(status)"
    }

    /// Waits for the end, with a time limit.
    func wait(atMost seconds: Double = patience) throws -> Finished {
        let began = Self.now()
        while !hasEnded() {
            guard Self.now() - began < seconds else {
                throw Failure(description: "\(arguments) did not end within \(seconds) s: \(outputSoFar)")
            }
            usleep(500)
        }
        return Finished(status: status ?? 0, output: Self.contents(output), errors: Self.contents(errors))
    }

    // MARK: The system

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], _ input: Input, _ output: Output, _ kept: Int32,
        _ errors: Int32
    ) throws -> (identifier: pid_t, input: Int32, output: Int32) {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        var ours: (input: Int32, output: Int32) = (-1, -1)
        var theirs: [Int32] = []
        defer { for descriptor in theirs { close(descriptor) } }
        switch input {
        case .nothing: theirs.append(try opened("/dev/null", O_RDONLY))
        case .closed: unsafe posix_spawn_file_actions_addclose(&actions, STDIN_FILENO)
        case .file(let path, let offset):
            theirs.append(try opened(path, O_RDONLY))
            lseek(theirs[0], off_t(offset), SEEK_SET)
        case .pipe:
            let ends = try pipe()
            theirs.append(ends.read)
            ours.input = ends.write
            _ = fcntl(ends.write, F_SETFL, O_NONBLOCK)
        }
        if let source = theirs.first { unsafe posix_spawn_file_actions_adddup2(&actions, source, STDIN_FILENO) }
        switch output {
        case .kept: unsafe posix_spawn_file_actions_adddup2(&actions, kept, STDOUT_FILENO)
        case .closed: unsafe posix_spawn_file_actions_addclose(&actions, STDOUT_FILENO)
        case .file(let path):
            theirs.append(try opened(path, O_WRONLY))
            unsafe posix_spawn_file_actions_adddup2(&actions, theirs[theirs.count - 1], STDOUT_FILENO)
        case .pipe, .nonBlockingPipe:
            let ends = try pipe()
            theirs.append(ends.write)
            ours.output = ends.read
            if case .nonBlockingPipe = output { _ = fcntl(ends.write, F_SETFL, O_NONBLOCK) }
            unsafe posix_spawn_file_actions_adddup2(&actions, ends.write, STDOUT_FILENO)
        }
        unsafe posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        // Sockets of services in this process have no mark "close on exec".
        for descriptor in STDERR_FILENO + 1..<1024 { unsafe posix_spawn_file_actions_addclose(&actions, descriptor) }

        // The tests ignore SIGPIPE, and threads of a pool block signals; a child would inherit both.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigaddset(&signals, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let words = unsafe arguments.map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup("\($0)=\($1)") } + [nil]
        defer { unsafe (words + variables).forEach { unsafe free($0) } }
        var identifier: pid_t = 0
        var failure: Int32
        repeat {
            failure = unsafe posix_spawn(&identifier, arguments[0], &actions, &attributes, words, variables)
            // A program that was just copied is busy while a child that was forked meanwhile holds the copy's
            // descriptor.
            if failure == ETXTBSY { usleep(10_000) }
        } while failure == ETXTBSY
        guard failure == 0 else {
            throw Failure(
                description: "\(arguments[0]) cannot be started: \(unsafe String(cString: strerror(failure)))")
        }
        return (identifier, ours.input, ours.output)
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe Glibc.pipe(&ends) == 0 else { throw Failure(description: "there is no pipe: error \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func opened(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = unsafe open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(description: "\(path) cannot be opened: error \(errno)") }
        return descriptor
    }

    private static func unnamedFile() throws -> Int32 {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        let descriptor = try opened(path, O_RDWR | O_CREAT | O_EXCL)
        unsafe unlink(path)
        return descriptor
    }

    private static func contents(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    private static func now() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
