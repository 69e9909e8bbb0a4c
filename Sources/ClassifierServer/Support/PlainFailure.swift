internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// The reason of a failed connection in plain words.
enum PlainFailure {
    static func text(_ error: any Error) -> String {
        switch error {
        case let error as IOError: unsafe String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                text(first.error)
            } else {
                "there is no host \"\(error.host)\""
            }
        case ChannelError.connectTimeout: "it does not answer"
        case is ChannelError: "it closed the connection without an answer"
        case NIOSSLError.handshakeFailed, is NIOSSLExtraError, is BoringSSLError:
            "there is no TLS with a trusted certificate for this host"
        case is NIOSSLError: "it closed the connection without an answer"
        case is HTTPParserError: "its answer is no HTTP"
        case is CancellationError: "the service is stopping"
        default: "\(type(of: error))"
        }
    }
}
