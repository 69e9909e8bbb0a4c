// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "listener",
    dependencies: [.package(name: "audio-classifierd", path: "../..")],
    targets: [
        .executableTarget(
            name: "listener",
            dependencies: [
                .product(name: "AudioClassifier", package: "audio-classifierd"),
                .product(name: "AudioFrontend", package: "audio-classifierd"),
            ],
            path: "Sources")
    ]
)
