// swift-tools-version: 6.2
import PackageDescription

// Built with `--sanitize fuzzer`, see scripts/fuzz: libFuzzer brings `main`, each target the one
// function that it calls.
let relaxed: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .unsafeFlags(["-parse-as-library"]),
]

/// What instrumented code announces to libFuzzer goes through FuzzCounters.
let counted = ["8bit_counters_init", "pcs_init"].flatMap {
  ["-Xlinker", "--wrap=__sanitizer_cov_\($0)"]
}

let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "sluice", path: "..")],
  targets: [
    .target(name: "FuzzCounters"),
    .target(
      name: "FuzzSupport", dependencies: [.product(name: "Sluice", package: "sluice")],
      swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
    + [
      "header", "index", "zip", "pickle", "config", "strides", "recipe", "journal", "report",
      "statistics", "frame", "page", "scores", "architecture", "tokenizer", "pieces", "names",
      "answer",
      "hub", "result", "adapter", "packed", "share", "task",
    ].map { target in
      .executableTarget(
        name: "fuzz-\(target)",
        dependencies: [
          "FuzzCounters", "FuzzSupport", .product(name: "Sluice", package: "sluice"),
        ],
        swiftSettings: relaxed, linkerSettings: [.unsafeFlags(counted)])
    }
)
