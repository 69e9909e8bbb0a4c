package import StreamTransformer
internal import StrictCoding

/// An attention system of arXiv 2412.03214 with its depth, as benchmarks compare them.
package struct AttentionSystem: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case full, nystromformer, continual
        case continualNystrom = "continual-nystrom"
    }

    package let kind: Kind
    /// Of continual Nystrom attention.
    package let landmarks: EncoderConfiguration.LandmarkUpdate?
    package let depth: EncoderConfiguration.Depth
    package let layers: Int

    package init(
        kind: Kind, landmarks: EncoderConfiguration.LandmarkUpdate?, depth: EncoderConfiguration.Depth, layers: Int
    ) {
        self.kind = kind
        self.landmarks = landmarks
        self.depth = depth
        self.layers = layers
    }

    /// What a user may choose from; nil is all of it.
    package struct Selection: Sendable {
        package var kind: Kind?
        package var landmarks: EncoderConfiguration.LandmarkUpdate?
        package var depth: EncoderConfiguration.Depth?
        package var layers: [Int] = []

        package init() {}

        /// The systems that fit, one layer each unless said otherwise.
        package var systems: [AttentionSystem] {
            var systems: [AttentionSystem] = []
            for layers in layers.isEmpty ? [1] : layers {
                for kind in Kind.allCases where self.kind == nil || self.kind == kind {
                    let updates: [EncoderConfiguration.LandmarkUpdate?] =
                        kind == .continualNystrom ? [.fixed, .continual] : [nil]
                    for update in updates where landmarks == nil || landmarks == update {
                        for depth in [EncoderConfiguration.Depth.window, .stream] {
                            // With one layer they are the same.
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

    package var name: String {
        let landmarks = landmarks.map { ", \($0.rawValue) landmarks" } ?? ""
        return kind.rawValue + landmarks + (layers > 1 ? ", \(layers) layers, depth \(depth.rawValue)" : "")
    }

    /// The `attention` object of a configuration.
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
