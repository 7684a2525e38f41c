import Foundation
import SluiceCore
import SluiceKernels
import SluicePipeline
import SluiceRecipes
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluiceCommand

/// A directory with a tiny family, `models/base`, `models/math` and `models/law`, as the recipes in
/// `pipelines/` expect it beside them; gone when the test is over.
final class FamilyDirectory {
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  let path: String
  let family: ModelFamily
  private var outputCount = 0

  init(dtype: DType = .bf16, change: (inout FamilySpec) -> Void = { _ in }) throws {
    path = NSTemporaryDirectory() + "sluice-recipes-" + UUID().uuidString
    var spec = FamilySpec(
      seed: 7,
      fineTunes: [
        FamilySpec.FineTune("math", dtype: dtype, drift: .heavy),
        FamilySpec.FineTune("law", dtype: dtype, drift: .light),
      ])
    spec.baseDType = dtype
    change(&spec)
    family = spec.build()
    try FileManager.default.createDirectory(
      atPath: path + "/models", withIntermediateDirectories: true)
    try family.base.write(to: path + "/models/base", layout: ShardingLayout())
    for tuned in family.fineTuned {
      try tuned.model.write(to: path + "/models/" + tuned.name, layout: ShardingLayout())
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { path + "/" + name }

  func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: self(name), atomically: true, encoding: .utf8)
    return self(name)
  }

  /// Runs a recipe.
  func run(
    _ recipe: MergeRecipe, options: RunOptions = RunOptions(threads: 2)
  ) throws -> (model: TinyModel, output: String) {
    outputCount += 1
    let output = self("out-\(outputCount)")
    _ = try MergeRun(try MergePlan(recipe, options: options), output: output).execute()
    return (try TinyModel.read(output), output)
  }

  /// Reads a recipe from a text, as if it stood in this directory.
  func recipe(_ text: String, stages: StageRegistry = StageRegistry()) throws -> MergeRecipe {
    try RecipeFile.parse(text, directory: path, stages: stages, options: RunOptions(threads: 1))
      .recipe
  }

  /// The recipe that the flags of `sluice merge` mean; paths start here.
  func recipe(flags: [String]) throws -> MergeRecipe {
    let flags = flags.map { $0.replacingOccurrences(of: "models/", with: path + "/models/") }
    return try RecipeOptions.parse(flags).recipe()
  }
}

extension TinyModel {
  /// Compares all tensors byte by byte.
  func expectSameBytes(as other: TinyModel, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(tensors.map(\.name) == other.tensors.map(\.name), sourceLocation: sourceLocation)
    for (mine, theirs) in zip(tensors, other.tensors) {
      let isSame = mine.dtype == theirs.dtype && mine.bytes == theirs.bytes
      #expect(isSame, "tensor \(mine.name)", sourceLocation: sourceLocation)
    }
  }
}
