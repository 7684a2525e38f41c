// swift-tools-version: 6.2
import PackageDescription

// A program that adds a stage to sluice. docs/tutorials/a-stage-of-your-own.md walks through it.
let package = Package(
  name: "clip-outliers",
  dependencies: [.package(name: "sluice", path: "../../..")],
  targets: [
    .executableTarget(
      name: "clip-outliers", dependencies: [.product(name: "Sluice", package: "sluice")])
  ]
)
