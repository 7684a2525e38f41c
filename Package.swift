// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is built with the same strict settings (docs/decisions/0002).
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Tests and their support may use pointers without a marker at each of them.
let relaxed: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "sluice",
  products: [
    .executable(name: "sluice", targets: ["SluiceCommand", "SluiceCommit", "CSluiceStart"]),
    .library(name: "Sluice", targets: ["Sluice"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // Layer 0: system libraries, C, vocabulary.
    .systemLibrary(
      name: "CXXHash", pkgConfig: "libxxhash",
      providers: [.apt(["libxxhash-dev"]), .brew(["xxhash"])]),
    .systemLibrary(
      name: "CLibYAML", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .systemLibrary(
      name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
    .systemLibrary(
      name: "CLAPACK", pkgConfig: "openblas", providers: [.apt(["libopenblas-pthread-dev"])]),
    .target(name: "CSluiceKernels", dependencies: ["CXXHash"]),
    .target(name: "CSluiceSystem"),
    .target(name: "SluiceCore", swiftSettings: strict),

    // Layer 1: arithmetic, files, dataflow. Files know arithmetic, for what is packed in them.
    .target(
      name: "SluiceKernels", dependencies: ["SluiceCore", "CSluiceKernels"], swiftSettings: strict),
    .target(
      name: "SluiceSolvers", dependencies: ["SluiceCore", "SluiceKernels", "CLAPACK"],
      swiftSettings: strict),
    .target(
      name: "SluiceFormats",
      dependencies: [
        "SluiceCore", "SluiceKernels", "CSluiceSystem", "CXXHash", "CZstd", "CLZ4",
      ],
      swiftSettings: strict),
    .target(
      name: "SluiceArchitecture", dependencies: ["SluiceCore", "SluiceFormats"],
      swiftSettings: strict),
    .target(
      name: "SluiceDataflow", dependencies: ["SluiceCore", "CSluiceSystem"], swiftSettings: strict),

    // Layer 2: the nodes of the graph, and the chains that methods are.
    .target(
      name: "SluiceStages",
      dependencies: [
        "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceArchitecture", "SluiceDataflow",
        "CSluiceSystem",
      ],
      swiftSettings: strict),
    .target(
      name: "SluiceMethods",
      dependencies: ["SluiceCore", "SluiceArchitecture", "SluiceStages", "SluiceAdapters"],
      swiftSettings: strict),
    // Low-rank adapters: deltas that are computed.
    .target(
      name: "SluiceAdapters",
      dependencies: ["SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceStages"],
      swiftSettings: strict),

    // Layer 3: recipe -> plan -> run -> report.
    .target(
      name: "SluiceRecipe",
      dependencies: [
        "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceArchitecture", "SluiceStages",
        "SluiceAdapters", "SluiceMethods", "CLibYAML",
      ], swiftSettings: strict),
    .target(
      name: "SluiceStore",
      dependencies: ["SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceStages"],
      swiftSettings: strict),
    .target(
      name: "SluicePlan",
      dependencies: [
        "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceArchitecture", "SluiceDataflow",
        "SluiceStages", "SluiceAdapters", "SluiceMethods", "SluiceSolvers", "SluiceRecipe",
        "SluiceStore",
      ], swiftSettings: strict),
    .target(
      name: "SluiceRun",
      dependencies: [
        "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceArchitecture", "SluiceDataflow",
        "SluiceStages", "SluiceAdapters", "SluiceMethods", "SluiceRecipe", "SluiceStore",
        "SluicePlan",
      ], swiftSettings: strict),
    // Models computed layer by layer: scores of what they answer.
    .target(
      name: "SluiceEvaluate",
      dependencies: [
        "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceArchitecture", "SluiceDataflow",
        "SluiceStages", "SluiceMethods", "SluiceSolvers", "SluiceRecipe", "SluiceStore",
        "SluicePlan", "SluiceRun", "CLAPACK",
      ], swiftSettings: strict),
    .target(
      name: "SluiceSearch",
      dependencies: [
        "SluiceCore", "SluiceFormats", "SluiceDataflow", "SluiceMethods", "SluiceRecipe",
        "SluiceStore", "SluicePlan", "SluiceRun", "SluiceStages", "SluiceEvaluate", "CSluiceSystem",
      ], swiftSettings: strict),
    // Pages about what was done: they read reports with the readers of those who wrote them, and draw.
    .target(
      name: "SluiceReport",
      dependencies: [
        "SluiceCore", "SluiceFormats", "SluiceArchitecture", "SluiceStore", "SluicePlan",
        "SluiceRun", "SluiceSearch",
      ], swiftSettings: strict),
    .target(
      name: "Sluice",
      dependencies: [
        "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceArchitecture", "SluiceDataflow",
        "SluiceStages", "SluiceAdapters", "SluiceMethods", "SluiceStore", "SluicePlan", "SluiceRun",
        "SluiceRecipe",
        "SluiceSearch", "SluiceReport", "SluiceEvaluate",
      ], swiftSettings: strict),

    // Layer 4: commands, terminal, exit codes.
    .executableTarget(
      name: "SluiceCommand",
      dependencies: [
        "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceArchitecture", "SluiceDataflow",
        "SluiceStages", "SluiceAdapters", "SluiceMethods", "SluiceStore", "SluicePlan", "SluiceRun",
        "SluiceRecipe",
        "SluiceSearch", "SluiceReport", "SluiceEvaluate", "SluiceSolvers", "CSluiceSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),

    // The commit, written before each build. Linked into the program and imported by nothing.
    .plugin(name: "WriteCommit", capability: .buildTool()),
    .target(name: "SluiceCommit", swiftSettings: strict, plugins: ["WriteCommit"]),

    // What happens before the libraries of the program begin; linked into it likewise.
    .target(name: "CSluiceStart", dependencies: ["CSluiceSystem"]),

    // What only tests use: scalar references and tiny model families, most of what tests compute.
    .target(
      name: "SluiceReferences", dependencies: ["SluiceCore", "SluiceKernels", "SluiceFormats"],
      swiftSettings: relaxed + [
        // Without it tests take half as long again; no product depends on this target.
        .unsafeFlags(["-O"], .when(configuration: .debug))
      ]),
    // And what compares them with the product: merges, hostile files, scratch directories.
    .target(
      name: "SluiceTestSupport",
      dependencies: [
        "SluiceReferences", "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceDataflow",
        "SluiceStages", "SluiceMethods", "SluiceRecipe", "SluiceStore", "SluicePlan", "SluiceRun",
      ], swiftSettings: relaxed),
  ]
    + ["SluiceCommandTests", "SluiceSlowHostileTests", "SluiceSlowSearchTests"].map { name in
      .testTarget(
        name: name, dependencies: ["SluiceCommand", "SluiceCore", "SluiceTestSupport"],
        swiftSettings: relaxed)
    }
    + [
      "Core", "Kernels", "Solvers", "Formats", "Architecture", "Dataflow", "Stages", "Methods",
      "Plan", "Run",
      "Recipe", "Search", "Report", "Evaluate",
    ].map { module in
      .testTarget(
        name: "Sluice\(module)Tests",
        dependencies: module == "Core"
          ? ["SluiceCore", "SluiceTestSupport"]
          : [.target(name: "Sluice\(module)"), "SluiceCore", "SluiceTestSupport"]
            + (module == "Kernels" ? ["CXXHash"] : [])
            + (module == "Recipe" ? ["SluiceCommand"] : [])
            + (module == "Plan" ? ["SluiceRecipe", "SluiceFormats"] : [])
            + (module == "Run" ? ["SluiceStore", "SluicePlan", "SluiceRecipe"] : [])
            + (module == "Solvers" ? ["SluiceDataflow", "SluiceFormats"] : [])
            + (module == "Methods" ? ["SluiceKernels", "SluiceStages"] : [])
            + (module == "Evaluate"
              ? [
                "SluiceFormats", "SluiceArchitecture", "SluiceStages", "SluiceDataflow",
                "SluiceMethods", "SluicePlan",
                "SluiceRun", "SluiceRecipe",
              ] : [])
            + (module == "Report"
              ? ["SluiceKernels", "SluiceStore", "SluicePlan", "SluiceRun", "SluiceMethods"] : []),
        exclude: module == "Recipe" ? ["Support/numpy_reference.py"] : [],
        swiftSettings: relaxed)
    }
    + [
      .testTarget(
        name: "SluiceAdaptersTests",
        dependencies: [
          "SluiceAdapters", "SluiceCore", "SluiceKernels", "SluiceFormats", "SluiceStages",
          "SluiceTestSupport",
        ], swiftSettings: relaxed)
    ]
    // The references themselves.
    + [
      .testTarget(
        name: "SluiceTestSupportTests", dependencies: ["SluiceCore", "SluiceTestSupport"],
        swiftSettings: relaxed)
    ]
    // Too slow for every build: swift test -Xcc -O2 --filter SluiceSlow.
    + [
      .testTarget(
        name: "SluiceSlowComparisonTests", dependencies: ["SluiceCore", "SluiceTestSupport"],
        swiftSettings: relaxed),
      .testTarget(
        name: "SluiceSlowResumeTests",
        dependencies: [
          "SluiceCore", "SluiceDataflow", "SluiceFormats", "SluiceStore", "SluicePlan", "SluiceRun",
          "SluiceTestSupport",
          "SluiceCommand",
        ], swiftSettings: relaxed),
    ]
)
