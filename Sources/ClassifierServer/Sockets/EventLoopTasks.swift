internal import NIOCore

/// Runs tasks on the thread of an event loop. A connection's tasks belong there: what has come is decoded, classified and
/// answered without waking another thread, which costs more than the work.
final class EventLoopTasks: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
