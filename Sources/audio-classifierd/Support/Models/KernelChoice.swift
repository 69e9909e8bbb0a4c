package import AudioClassifier
internal import Kernels

/// The instruction set that `AUDIO_CLASSIFIERD_KERNELS` asks for.
package enum KernelChoice {
    /// - Throws: ``ClassifierError`` if this machine does not have it, because another one would give other bits.
    package static func check() throws(ClassifierError) {
        guard let name = Kernels.requested, Kernels(named: name) == nil else { return }
        let names = Kernels.available.map(\.name).joined(separator: ", ")
        throw ClassifierError(
            .configuration, code: "kernels",
            "AUDIO_CLASSIFIERD_KERNELS is \"\(name)\", which this machine does not have; it has \(names)")
    }
}
