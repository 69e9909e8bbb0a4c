// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "nio-server",
    dependencies: [
        .package(name: "audio-classifierd", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .executableTarget(
            name: "nio-server",
            dependencies: [
                .product(name: "AudioClassifier", package: "audio-classifierd"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources")
    ]
)
