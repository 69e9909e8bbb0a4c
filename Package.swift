// swift-tools-version: 6.2
import PackageDescription

// One list for every Swift target: memory safety is checked strictly, and a warning fails the build.
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
    name: "audio-classifierd",
    products: [
        .library(name: "AudioFrontend", targets: ["AudioFrontend"]),
        .library(name: "StreamTransformer", targets: ["StreamTransformer"]),
        .executable(name: "audio-classifierd", targets: ["audio-classifierd"]),
    ],
    dependencies: [
        // The ecosystem's command-line parser: help, completions, validation.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // The ecosystem's logging interface.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "CSndFile", pkgConfig: "sndfile", providers: [.apt(["libsndfile1-dev"])]),
        .systemLibrary(name: "CFFTW3f", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"])]),
        .systemLibrary(name: "CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"])]),
        // SHA-256 of model weights, from the system's OpenSSL: swift-crypto would compile all of BoringSSL for one function.
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CKernels"),
        .target(name: "Kernels", dependencies: ["CKernels"], swiftSettings: strict),
        .target(name: "StrictDecoding", swiftSettings: strict),
        .target(
            name: "AudioFrontend",
            dependencies: ["CSndFile", "CFFTW3f", "CSoxr", "Kernels", "StrictDecoding"],
            swiftSettings: strict),
        .target(
            name: "StreamTransformer",
            dependencies: ["CCrypto", "Kernels", "StrictDecoding"],
            swiftSettings: strict),
        .target(
            name: "ClassifierService",
            dependencies: [
                "AudioFrontend", "Kernels", "StreamTransformer", "StrictDecoding",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "audio-classifierd",
            dependencies: [
                "ClassifierService", "AudioFrontend", "StreamTransformer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(name: "CAllocationCounter"),
        .target(
            name: "TestSupport", dependencies: ["AudioFrontend", "CCrypto", "StreamTransformer", "StrictDecoding"],
            swiftSettings: strict),
        // Millions of tokens against float64: `make endurance`.
        .executableTarget(
            name: "endurance", dependencies: ["Kernels", "StreamTransformer", "TestSupport"],
            path: "Benchmarks/Endurance", swiftSettings: strict),
        // A step beside OpenBLAS: `make bench`.
        .executableTarget(
            name: "yardstick", dependencies: ["ClassifierService", "Kernels", "StreamTransformer"],
            path: "Benchmarks/Yardstick", swiftSettings: strict),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "AudioFrontendTests",
            dependencies: [
                "AudioFrontend", "CAllocationCounter", "CSndFile", "ClassifierService", "Kernels", "TestSupport",
            ],
            resources: [.copy("Resources")],
            swiftSettings: strict),
        .testTarget(
            name: "StreamTransformerTests",
            dependencies: ["CAllocationCounter", "Kernels", "StreamTransformer", "StrictDecoding", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ClassifierServiceTests",
            dependencies: [
                "AudioFrontend", "ClassifierService", "Kernels", "StreamTransformer", "StrictDecoding", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CommandTests",
            dependencies: ["audio-classifierd", "Kernels", "StreamTransformer", "StrictDecoding", "TestSupport"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
