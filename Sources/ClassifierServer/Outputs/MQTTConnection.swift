internal import AudioClassifier
internal import CMosquitto
internal import Synchronization

/// A connection to a broker by libmosquitto, whose thread connects, reconnects and sends. The functions of the library
/// may be called from several threads once its thread runs (mosquitto(3), "threads").
@safe
final class MQTTConnection: @unchecked Sendable {
    enum Change: Sendable, Equatable {
        case connected
        case disconnected(String)
        /// The broker has the message of this number.
        case acknowledged(Int32)
    }

    let changes: AsyncStream<Change>
    private let report: AsyncStream<Change>.Continuation
    private let client: OpaquePointer
    private let settings: ServeConfiguration.Events.MQTT
    private let availability: String

    /// The result of initialising the library, once in a process.
    private static let isInitialised: Bool = mosquitto_lib_init() == 0

    /// - Parameter availability: the topic on which the broker publishes `offline` when the connection breaks.
    init(_ settings: ServeConfiguration.Events.MQTT, availability: String) throws(ClassifierError) {
        guard Self.isInitialised, let client = unsafe mosquitto_new(settings.client, true, nil) else {
            throw ClassifierError(.software, code: "mqtt", "libmosquitto cannot make a client \"\(settings.client)\"")
        }
        unsafe self.client = client
        self.settings = settings
        self.availability = availability
        (changes, report) = AsyncStream.makeStream(of: Change.self)
        unsafe mosquitto_user_data_set(client, Unmanaged.passUnretained(self).toOpaque())
        unsafe mosquitto_connect_callback_set(client) { _, owner, code in
            let change =
                code == 0 ? Change.connected : .disconnected(unsafe String(cString: mosquitto_connack_string(code)))
            unsafe MQTTConnection.of(owner)?.report.yield(change)
        }
        unsafe mosquitto_disconnect_callback_set(client) { _, owner, code in
            unsafe MQTTConnection.of(owner)?.report.yield(.disconnected(String(cString: mosquitto_strerror(code))))
        }
        unsafe mosquitto_publish_callback_set(client) { _, owner, number in
            unsafe MQTTConnection.of(owner)?.report.yield(.acknowledged(number))
        }
        unsafe mosquitto_reconnect_delay_set(client, 1, 30, true)
        if let user = settings.user { unsafe mosquitto_username_pw_set(client, user, settings.password) }
        let will = Array("offline".utf8)
        unsafe mosquitto_will_set(client, availability, Int32(will.count), will, 1, true)
    }

    deinit { unsafe mosquitto_destroy(client) }

    private static func of(_ pointer: UnsafeMutableRawPointer?) -> MQTTConnection? {
        unsafe pointer.map { unsafe Unmanaged<MQTTConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Starts the thread, which connects and reconnects until ``stop()``.
    func start() {
        // The thread tries again if the broker cannot be reached yet.
        unsafe mosquitto_connect_async(client, settings.host, Int32(settings.port), 30)
        unsafe mosquitto_loop_start(client)
    }

    /// Publishes `offline` and disconnects. After an orderly disconnect the broker does not publish it by itself.
    func stop() {
        publish(availability, "offline")
        unsafe mosquitto_disconnect(client)
        unsafe mosquitto_loop_stop(client, false)
        report.finish()
    }

    /// - Returns: the number of the message's acknowledgement; nil if it cannot be sent now.
    func publish(_ message: MessageStore.Message) -> Int32? {
        var number: Int32 = 0
        let bytes = Array(message.payload.utf8)
        let result = unsafe mosquitto_publish(
            client, &number, message.topic, Int32(bytes.count), bytes, 1, message.isRetained)
        return result == 0 ? number : nil
    }

    func publish(_ topic: String, _ text: String) {
        _ = publish(MessageStore.Message(topic: topic, payload: text, isRetained: true))
    }
}
