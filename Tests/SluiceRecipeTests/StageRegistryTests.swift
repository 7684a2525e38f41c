import Foundation
import SluiceCore
import SluiceKernels
import SluicePlan
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// Clips to a multiple of the mean, as `pipelines/stages/clip.py` does.
private struct MeanClip: DeltaTransform {
  let multiple: Double
  var isHonest = true
  var name: String { "mean-clip" }
  var scope: TransformScope { .all }
  var needs: StageNeeds { StageNeeds(statistics: [MeanMagnitude()], isDeterministic: isHonest) }

  func makeLane(model: Int, kernels: Kernels) -> any LaneTransform { Lane(multiple) }

  private final class Lane: LaneTransform {
    let multiple: Double
    var limit: Float = 0

    init(_ multiple: Double) { self.multiple = multiple }
    func begin(_ strip: Strip, statistics: [Double]) { limit = Float(multiple * statistics[0]) }

    func apply(to block: DeltaTile) {
      for index in 0..<block.count {
        block.values[index] = min(max(block.values[index], -limit), limit)
      }
    }
  }
}

private struct FirstModel: TileOperator {
  var name: String { "first" }
  func merge(_ block: MergeTile, kernels: Kernels) {
    block.merged.update(from: block.deltas[0], count: block.count)
  }
}

private struct Largest: TensorStatistic {
  var name: String { "largest" }
  func value(of histogram: MagnitudeHistogram) throws(MagnitudeHistogram.Unresolved) -> Double {
    try MagnitudeQuantile(share: 1).value(of: histogram)
  }
}

@Suite("Stages of one's own in Swift")
struct StageRegistryTests {
  private static var registry: StageRegistry {
    var registry = StageRegistry()
    registry.register(transform: "mean-clip", version: "1") { arguments in
      MeanClip(
        multiple: try arguments.map.require("multiple").number(.notNegative),
        isHonest: try arguments.map.take("honest")?.truth() ?? true)
    }
    registry.register(mergeOperator: "first", version: "1") { _ in FirstModel() }
    registry.register(rateRule: "level", version: "1") { _ in UniformRates() }
    registry.register(statistic: "largest", version: "1") { _ in Largest() }
    return registry
  }

  private static func chain(_ stages: String) -> String {
    """
    base: models/base
    models: {math: models/math, law: models/law}
    stages:
    \(stages)
    """
  }

  @Test(
    "the same stage in Swift and in Python gives the same bytes at every place",
    .enabled(if: Shell.hasNumPy),
    arguments: zip([DType.bf16, .f32, .bf16], ["delta", "mask", "amplify"]))
  func places(dtype: DType, place: String) throws {
    let directory = try FamilyDirectory(dtype: dtype) { spec in spec.layerCount = 1 }
    let clip = FamilyDirectory.repository + "/pipelines/stages/clip.py"
    func text(_ stage: String) -> String {
      let names = [
        "read", "delta", "significance", "assign-rates", "mask", "amplify: {math: [2]}",
      ]
      let lines = names.flatMap { $0.hasPrefix(place) ? [$0, stage] : [$0] } + ["merge", "write"]
      return StageRegistryTests.chain(lines.map { "  - \($0)\n" }.joined())
    }
    let swift = try directory.run(
      try directory.recipe(text("mean-clip: {multiple: 2}"), stages: Self.registry))
    let python = try directory.run(
      try directory.recipe(
        text("exec: {command: [\(Shell.python), \(clip), \"2\"], statistics: [mean], scope: all}")))
    swift.model.expectSameBytes(as: python.model)
    let plain = try directory.run(
      try directory.recipe(text("mean-clip: {multiple: 1000000}"), stages: Self.registry))
    #expect(plain.model.tensors.map(\.bytes) != swift.model.tensors.map(\.bytes))
  }

  @Test("operators, rules and statistics take their places")
  func otherKinds() throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 2 }
    func run(_ stages: [String], models: String? = nil) throws -> TinyModel {
      var text = StageRegistryTests.chain(stages.map { "  - \($0)\n" }.joined())
      if let models {
        text = text.replacingOccurrences(
          of: "{math: models/math, law: models/law}", with: models)
      }
      return try directory.run(try directory.recipe(text, stages: Self.registry)).model
    }
    let first = try run(["read", "delta", "merge: {operator: first}", "write"])
    let alone = try run(["read", "delta", "merge", "write"], models: "{math: models/math}")
    first.expectSameBytes(as: alone)

    let mask = ["mask", "merge", "write"]
    let level = try run(["read", "delta", "assign-rates: {form: level}"] + mask)
    let uniform = try run(["read", "delta", "assign-rates: {form: uniform}"] + mask)
    level.expectSameBytes(as: uniform)

    let largest = try run(
      ["read", "delta", "significance: {statistic: largest}", "assign-rates"] + mask)
    #expect(largest.tensors.map(\.bytes) != uniform.tensors.map(\.bytes))
  }

  @Test("wrong arguments name their place, and the planner refuses what is not deterministic")
  func refusals() throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    func recipe(_ stage: String) throws -> MergeRecipe {
      try directory.recipe(
        StageRegistryTests.chain("  [read, delta, \(stage), merge, write]"),
        stages: Self.registry)
    }
    var error = #expect(throws: RecipeError.self) { try recipe("mean-clip: {multipel: 2}") }
    #expect(error?.failure.message == "stages[2].mean-clip.multipel: there is no such key")
    #expect(error?.failure.remedy == "Did you mean multiple?")
    error = #expect(throws: RecipeError.self) { try recipe("mean-clip: {multiple: -1}") }
    #expect(
      error?.failure.message
        == "stages[2].mean-clip.multiple: a number of at least 0 is expected, found -1")
    error = #expect(throws: RecipeError.self) { try recipe("mean-clap: {multiple: 1}") }
    #expect(error?.failure.remedy?.hasPrefix("Did you mean mean-clip?") ?? false)
    let dishonest = try recipe("mean-clip: {multiple: 1, honest: false}")
    #expect(throws: PipelineError.self) {
      try MergePlan(dishonest, options: RunOptions(threads: 1))
    }
    let one = try recipe("mean-clip: {multiple: 1}").fingerprint
    let two = try recipe("mean-clip: {multiple: 2}").fingerprint
    #expect(one != two)
  }
}
