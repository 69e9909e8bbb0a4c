internal import Kernels

/// The instruction set that `AUDIO_CLASSIFIERD_KERNELS` asks for.
public enum KernelChoice {
    /// - Throws: ``ServiceError`` where this machine does not have it: another one would give other bits.
    public static func check() throws(ServiceError) {
        guard let name = Kernels.requested, Kernels(named: name) == nil else { return }
        let names = Kernels.available.map(\.name).joined(separator: ", ")
        throw ServiceError(
            .configuration, code: "kernels",
            "AUDIO_CLASSIFIERD_KERNELS is \"\(name)\", which this machine does not have; it has \(names)")
    }
}
