internal import NIOCore

/// Runs tasks on the thread of an event loop. The tasks of a connection run on its socket's thread, because waking
/// another thread costs more than to decode, classify and answer a block of audio.
final class EventLoopTasks: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
