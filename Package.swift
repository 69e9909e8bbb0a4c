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

// For tests that start the program, and whose own code needs no speed: optimising it took two and a half minutes.
let strictUnoptimised = strict + [.unsafeFlags(["-Onone"], .when(configuration: .release))]

let package = Package(
    name: "audio-classifierd",
    products: [
        // From samples to labels and events.
        .library(name: "AudioClassifier", targets: ["AudioClassifier"]),
        // From audio to log-mel frames.
        .library(name: "AudioFrontend", targets: ["AudioFrontend"]),
        // From feature streams to logits.
        .library(name: "StreamTransformer", targets: ["StreamTransformer"]),
        .executable(name: "audio-classifierd", targets: ["audio-classifierd"]),
        // For Benchmarks/, without a promise to others.
        .library(name: "_ModelBenchmark", targets: ["ModelBenchmark"]),
    ],
    dependencies: [
        // The ecosystem's command-line parser: help, completions, validation.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // The ecosystem's logging interface.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // The ecosystem's sockets, HTTP/1.1 and WebSocket, for `serve`.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // TLS for its listener and its web hooks.
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        // Signals as an asynchronous sequence, for `serve`.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        // Configuration files with comments, and errors that name a line (libyaml).
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CSndFile", pkgConfig: "sndfile", providers: [.apt(["libsndfile1-dev"])]),
        .systemLibrary(name: "CFFTW3f", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"])]),
        .systemLibrary(name: "CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"])]),
        // SHA-256 of model weights, from the system's OpenSSL: swift-crypto would compile all of BoringSSL for one
        // function.
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        // The MQTT client of Debian's and Home Assistant's broker, for events of `serve`.
        .systemLibrary(name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
        // PNG pictures of `report`. Only the program links it: it brings fonts and X11's libraries with it.
        .systemLibrary(name: "CCairo", pkgConfig: "cairo", providers: [.apt(["libcairo2-dev"])]),
        .target(name: "CKernels"),
        // Pango sets the words of those pictures: Cairo joins no letters and orders no words from right to left. It is
        // loaded for the first picture.
        .target(name: "CPango"),
        // Starting a command without the service's descriptors, which Glibc's Swift module does not offer.
        .target(name: "CSpawn"),
        // What decoders print to `stderr`: fopencookie, which Glibc's Swift module does not offer.
        .target(name: "CDecoderMessages"),
        .target(name: "Kernels", dependencies: ["CKernels", "StrictCoding"], swiftSettings: strict),
        .target(name: "StrictCoding", swiftSettings: strict),
        .target(
            name: "AudioFrontend",
            dependencies: ["CDecoderMessages", "CSndFile", "CFFTW3f", "CSoxr", "Kernels", "StrictCoding"],
            swiftSettings: strict),
        .target(
            name: "StreamTransformer",
            dependencies: ["CCrypto", "Kernels", "StrictCoding"],
            swiftSettings: strict),
        .target(
            name: "AudioClassifier",
            dependencies: ["AudioFrontend", "Kernels", "StreamTransformer", "StrictCoding"],
            swiftSettings: strict),
        // The measurements of `bench`; Benchmarks/ uses them, too.
        .target(
            name: "ModelBenchmark",
            dependencies: ["AudioClassifier", "AudioFrontend", "Kernels", "StreamTransformer", "StrictCoding"],
            swiftSettings: strict),
        .target(
            name: "ClassifierServer",
            dependencies: [
                "AudioClassifier", "AudioFrontend", "CMosquitto", "CSpawn", "Kernels", "StreamTransformer",
                "StrictCoding",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            // The live page is served from the program itself.
            resources: [
                "index.html", "page.css", "start.js", "page.js", "catalog.js", "chart.js", "clock.js", "current.js",
                "endings.js", "events.js", "labels.js", "microphone.js", "pictures.js", "plot.js", "recorder.js",
                "retry.js", "service.js", "slots.js", "spectrogram.js", "timeline.js", "icon.svg",
            ].map { .embedInCode("Page/\($0)") },
            swiftSettings: strict),
        .executableTarget(
            name: "audio-classifierd",
            dependencies: [
                "AudioClassifier", "AudioFrontend", "CCairo", "CPango", "ClassifierServer", "Kernels", "ModelBenchmark",
                "StreamTransformer",
                "StrictCoding",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            // The pages of `report`.
            resources: [
                "ReportPage/report.html", "ReportPage/report.css", "ReportPage/report.js", "ReportPage/elements.js",
                "ArchivePage/archive.css", "ArchivePage/archive.js",
            ].map { .embedInCode("Support/\($0)") },
            swiftSettings: strict),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .target(
            name: "TestSupport",
            dependencies: ["AudioFrontend", "CCrypto", "CSndFile", "StreamTransformer", "StrictCoding"],
            path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "AudioFrontendTests",
            dependencies: [
                "AudioFrontend", "CAllocationCounter", "CSndFile", "Kernels", "TestSupport",
            ],
            resources: [.copy("Resources")],
            swiftSettings: strict),
        .testTarget(
            name: "StreamTransformerTests",
            dependencies: ["CAllocationCounter", "Kernels", "StreamTransformer", "StrictCoding", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "AudioClassifierTests",
            dependencies: [
                "AudioClassifier", "AudioFrontend", "CAllocationCounter", "Kernels", "StreamTransformer",
                "StrictCoding", "TestSupport",
            ],
            resources: [.copy("Resources")],
            swiftSettings: strict),
        .testTarget(
            name: "ClassifierServerTests",
            dependencies: [
                "AudioClassifier", "AudioFrontend", "ClassifierServer", "StrictCoding", "TestSupport",
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strictUnoptimised),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "audio-classifierd", "AudioClassifier", "AudioFrontend", "ClassifierServer", "CSndFile",
                "StreamTransformer",
                "StrictCoding", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Fuzz", swiftSettings: strict),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "audio-classifierd", "AudioClassifier", "Kernels", "StreamTransformer", "StrictCoding", "TestSupport",
            ],
            swiftSettings: strictUnoptimised),
    ],
    swiftLanguageModes: [.v6]
)

// The libraries and their tests alone, which `make test-sanitizer` compiles in a minute instead of five.
if Context.environment["LIBRARIES_ONLY"] != nil {
    package.products.removeAll { $0.name == "audio-classifierd" }
    package.targets.removeAll { target in
        [
            "ClassifierServer", "audio-classifierd", "AudioClassifierTests", "ClassifierServerTests", "CommandTests",
            "FuzzTests",
        ].contains(target.name)
    }
}
