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
    .library(name: "AllocationCounter", type: .dynamic, targets: ["CAllocationCounter"]),
    .library(name: "DiscardedWrites", type: .dynamic, targets: ["CDiscardedWrites"]),
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
    // Loaded before a program, it counts what the program allocates; part of nothing else.
    .target(name: "CAllocationCounter"),
    // Loaded before a program, it throws away what the program writes in large pieces.
    .target(name: "CDiscardedWrites"),
    // Scenarios, the turns that they take, counts, results and their tables.
    .target(
      name: "Suite", dependencies: ["Platform", "ModelFamilies", "Measuring"],
      swiftSettings: settings),
    .executableTarget(
      name: "bench",
      dependencies: [
        "Platform", "ModelFamilies", "Measuring", "Suite",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: settings),
    // The strategies of the search, from the product's own sources: they know nothing of models.
    .executableTarget(name: "SearchSimulation", swiftSettings: settings),
    .testTarget(
      name: "BenchTests", dependencies: ["Platform", "ModelFamilies", "Measuring", "Suite"],
      swiftSettings: settings),
  ]
)
