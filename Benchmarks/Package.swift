// swift-tools-version: 6.2
// A package of its own, so that the library's users build none of it.
import PackageDescription

// The settings of the main package.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "audio-classifierd", path: "..")],
    targets: [
        // Multiply-adds in registers: the limit of a core.
        .target(name: "CPeak", path: "Peak"),
        // A step beside OpenBLAS and the machine's limit: `make bench`.
        .executableTarget(
            name: "baseline",
            dependencies: [
                "CPeak",
                .product(name: "_ModelBenchmark", package: "audio-classifierd"),
                .product(name: "StreamTransformer", package: "audio-classifierd"),
            ],
            path: "Baseline", swiftSettings: strict),
        // Real-time streams for the daemon: `make soak`.
        .executableTarget(name: "stream-load", path: "StreamLoad", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
