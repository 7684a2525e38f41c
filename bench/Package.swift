// swift-tools-version: 6.2
import PackageDescription

/// Measuring code talks to the kernel through pointers all the time, so it has no strict memory
/// safety; everything else is as strict as in the product.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "sluice-bench",
  products: [
    .executable(name: "bench", targets: ["bench"]),
    .executable(name: "search-simulation", targets: ["SearchSimulation"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // Files, folders, threads, JSON, errors.
    .target(name: "Platform", swiftSettings: settings),
    // Model families made from a seed.
    .target(name: "ModelFamilies", dependencies: ["Platform"], swiftSettings: settings),
    // The floor, the page cache, child processes, memory cgroups, the machine.
    .target(name: "Measuring", dependencies: ["Platform"], swiftSettings: settings),
    .executableTarget(
      name: "bench",
      dependencies: [
        "Platform", "ModelFamilies", "Measuring",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: settings),
    // The strategies of the search, from the product's own sources: they know nothing of models.
    .executableTarget(name: "SearchSimulation", swiftSettings: settings),
    .testTarget(
      name: "BenchTests", dependencies: ["Platform", "ModelFamilies", "Measuring"],
      swiftSettings: settings),
  ]
)
