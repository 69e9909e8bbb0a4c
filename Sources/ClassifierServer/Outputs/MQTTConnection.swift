internal import AudioClassifier
internal import CMosquitto
internal import Glibc
internal import NIOConcurrencyHelpers

/// One connection to a broker by libmosquitto. A thread runs it from its beginning to its end, and other threads may
/// publish meanwhile (mosquitto(3), "threads").
@safe
final class MQTTConnection: @unchecked Sendable {
    enum Change: Sendable, Equatable {
        case connected
        /// The broker has the message of this number.
        case acknowledged(Int32)
        case received(topic: String, payload: String, isRetained: Bool)
        /// The connection has ended, or there was none, for this reason.
        case ended(String)
    }

    enum Publication: Equatable {
        /// The message will be acknowledged under this number.
        case sent(Int32)
        /// The message can never be sent.
        case refused(String)
        /// The connection has ended.
        case unavailable
    }

    private let client: OpaquePointer
    private let settings: ServeConfiguration.Events.MQTT
    private let report: @Sendable (Change) -> Void
    /// The broker's reason for its refusal.
    private let refusal = NIOLockedValueBox<String?>(nil)

    /// The result of initialising the library, once in a process.
    private static let isInitialised: Bool = mosquitto_lib_init() == 0
    /// Seconds between two signs of life.
    private static let keepAlive: Int32 = 30

    /// - Parameters:
    ///   - name: the client's name.
    ///   - availability: the topic on which the broker publishes `offline` when the connection breaks.
    ///   - report: called on the connection's thread.
    init(
        _ settings: ServeConfiguration.Events.MQTT, name: String, availability: String,
        report: @escaping @Sendable (Change) -> Void
    ) throws(ClassifierError) {
        guard Self.isInitialised, let client = unsafe mosquitto_new(name, true, nil) else {
            throw ClassifierError(.software, code: "mqtt", "libmosquitto cannot make a client \"\(name)\"")
        }
        unsafe self.client = client
        self.settings = settings
        self.report = report
        unsafe mosquitto_threaded_set(client, true)
        unsafe mosquitto_user_data_set(client, Unmanaged.passUnretained(self).toOpaque())
        setCallbacks()
        if let user = settings.user { unsafe mosquitto_username_pw_set(client, user, settings.password) }
        if settings.isSecure {
            var code = MOSQ_ERR_SUCCESS.rawValue
            if let file = settings.authorities {
                code = unsafe mosquitto_tls_set(client, file, nil, nil, nil, nil)
            } else {
                code = unsafe mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1)
            }
            guard code == MOSQ_ERR_SUCCESS.rawValue else {
                throw ClassifierError(
                    .configuration, code: "mqtt",
                    "\(settings.authorities ?? "the system's certificates"): no certificates can be read")
            }
        }
        let will = Array("offline".utf8)
        unsafe mosquitto_will_set(client, availability, Int32(will.count), will, 1, true)
    }

    deinit { unsafe mosquitto_destroy(client) }

    private func setCallbacks() {
        unsafe mosquitto_connect_callback_set(client) { _, owner, code in
            guard let connection = unsafe MQTTConnection.of(owner) else { return }
            if code == 0 {
                connection.report(.connected)
            } else {
                connection.refusal.withLockedValue { $0 = MQTTConnection.refusal(code) }
            }
        }
        unsafe mosquitto_publish_callback_set(client) { _, owner, number in
            unsafe MQTTConnection.of(owner)?.report(.acknowledged(number))
        }
        unsafe mosquitto_message_callback_set(client) { _, owner, message in
            guard let message = unsafe message?.pointee, let topic = unsafe message.topic else { return }
            let bytes = unsafe UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen))
            unsafe MQTTConnection.of(owner)?.report(
                .received(
                    topic: String(cString: topic), payload: String(decoding: bytes, as: UTF8.self),
                    isRetained: message.retain))
        }
    }

    private static func of(_ pointer: UnsafeMutableRawPointer?) -> MQTTConnection? {
        unsafe pointer.map { unsafe Unmanaged<MQTTConnection>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Connects and exchanges messages until the connection ends. It blocks its thread.
    func run() {
        var code = unsafe mosquitto_connect(client, settings.host, Int32(settings.port), Self.keepAlive)
        var number = errno
        // Other threads wake the wait for the broker when they publish.
        while code == MOSQ_ERR_SUCCESS.rawValue {
            code = unsafe mosquitto_loop(client, 1000, 1)
            number = errno
        }
        report(.ended(refusal.withLockedValue { $0 } ?? Self.reason(code, number)))
    }

    /// Ends the connection after the messages before it.
    func close() { unsafe mosquitto_disconnect(client) }

    /// Subscribes to the topics of a filter.
    func subscribe(_ filter: String) { unsafe mosquitto_subscribe(client, nil, filter, 0) }

    /// Ends a subscription.
    func unsubscribe(_ filter: String) { unsafe mosquitto_unsubscribe(client, nil, filter) }

    /// Publishes a message that the broker retains.
    func publish(_ message: MessageStore.Message) -> Publication {
        var number: Int32 = 0
        let bytes = Array(message.payload.utf8)
        let code = unsafe mosquitto_publish(client, &number, message.topic, Int32(bytes.count), bytes, 1, true)
        switch code {
        case MOSQ_ERR_SUCCESS.rawValue: return .sent(number)
        case MOSQ_ERR_INVAL.rawValue, MOSQ_ERR_PAYLOAD_SIZE.rawValue, MOSQ_ERR_MALFORMED_UTF8.rawValue,
            MOSQ_ERR_OVERSIZE_PACKET.rawValue, MOSQ_ERR_NOT_SUPPORTED.rawValue:
            return .refused(Self.reason(code, 0))
        default: return .unavailable
        }
    }

    // MARK: Reasons

    /// Returns the broker's reason for a refusal (MQTT 3.1.1, 3.2.2.3).
    private static func refusal(_ code: Int32) -> String {
        switch code {
        case 1: "it does not speak MQTT 3.1.1"
        case 2: "it refuses the name of this client; see events.mqtt.client"
        case 3: "it is not available yet"
        case 4, 5: "it refuses the user or the password; see events.mqtt.user and events.mqtt.password_file"
        default: "it refuses this client with the code \(code)"
        }
    }

    private static func reason(_ code: Int32, _ number: Int32) -> String {
        switch code {
        case MOSQ_ERR_ERRNO.rawValue: unsafe String(cString: strerror(number))
        case MOSQ_ERR_EAI.rawValue: "there is no host of this name; see events.mqtt.host"
        case MOSQ_ERR_CONN_LOST.rawValue, MOSQ_ERR_NO_CONN.rawValue: "it closed the connection"
        case MOSQ_ERR_KEEPALIVE.rawValue: "it does not answer"
        case MOSQ_ERR_INVAL.rawValue: "the topic is too long or has a wildcard"
        case MOSQ_ERR_MALFORMED_UTF8.rawValue: "the topic has a control character"
        case MOSQ_ERR_TLS.rawValue, MOSQ_ERR_TLS_HANDSHAKE.rawValue:
            "there is no TLS with a trusted certificate for this host; see events.mqtt.tls and events.mqtt.ca_file"
        default: unsafe String(cString: mosquitto_strerror(code)).lowercased()
        }
    }
}
