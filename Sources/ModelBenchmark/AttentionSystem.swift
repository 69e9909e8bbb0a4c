public import StreamTransformer
internal import StrictCoding

/// An attention system of arXiv 2412.03214 with its depth and layers, to be compared with others.
public struct AttentionSystem: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        case full, nystromformer, continual
        case continualNystrom = "continual-nystrom"
    }

    public let kind: Kind
    /// Source of the landmarks, for continual Nystrom attention.
    public let landmarks: EncoderConfiguration.LandmarkUpdate?
    public let depth: EncoderConfiguration.Depth
    public let layers: Int

    public init(
        kind: Kind, landmarks: EncoderConfiguration.LandmarkUpdate?, depth: EncoderConfiguration.Depth, layers: Int
    ) {
        self.kind = kind
        self.landmarks = landmarks
        self.depth = depth
        self.layers = layers
    }

    /// A choice of systems. Nil means all of that property.
    public struct Selection: Sendable {
        public var kind: Kind?
        public var landmarks: EncoderConfiguration.LandmarkUpdate?
        public var depth: EncoderConfiguration.Depth?
        public var layers: [Int] = []

        public init() {}

        /// The systems that match, with one layer each unless ``layers`` has numbers.
        public var systems: [AttentionSystem] {
            var systems: [AttentionSystem] = []
            for layers in layers.isEmpty ? [1] : layers {
                for kind in Kind.allCases where self.kind == nil || self.kind == kind {
                    let updates: [EncoderConfiguration.LandmarkUpdate?] =
                        kind == .continualNystrom ? [.fixed, .continual] : [nil]
                    for update in updates where landmarks == nil || landmarks == update {
                        for depth in [EncoderConfiguration.Depth.window, .stream] {
                            // With one layer both depths are the same.
                            guard layers > 1 ? self.depth == nil || self.depth == depth : depth == .window else {
                                continue
                            }
                            systems.append(
                                AttentionSystem(kind: kind, landmarks: update, depth: depth, layers: layers))
                        }
                    }
                }
            }
            return systems.filter { !($0.isContinual && $0.depth == .window && $0.layers > 2) }
        }
    }

    var isContinual: Bool { kind == .continual || kind == .continualNystrom }

    /// Name in tables, such as "continual-nystrom, fixed landmarks".
    public var name: String {
        let landmarks = landmarks.map { ", \($0.rawValue) landmarks" } ?? ""
        return kind.rawValue + landmarks + (layers > 1 ? ", \(layers) layers, depth \(depth.rawValue)" : "")
    }

    /// Returns the `attention` object of a configuration.
    func json(landmarks count: Int) -> String {
        var object = JSONWriter()
        object.add("kind", kind.rawValue)
        if kind == .continualNystrom { object.add("landmarks", (landmarks ?? .fixed).rawValue) }
        if kind == .nystromformer || kind == .continualNystrom {
            object.add("count", count)
            object.add("inverse") { inverse in
                inverse.add("kind", "ridge")
                inverse.add("lambda", 0.01)
            }
        }
        return object.text
    }
}
