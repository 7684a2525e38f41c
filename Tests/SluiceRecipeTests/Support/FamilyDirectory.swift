import Foundation
import SluiceCore
import SluiceKernels
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Synchronization
import Testing

@testable import SluiceCommand

/// A directory with a tiny family, `models/base`, `models/math` and `models/law`, as the recipes in
/// `pipelines/` expect it beside them; gone when the test is over.
final class FamilyDirectory: Sendable {
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  let family: ModelFamily
  private let scratch: ScratchDirectory
  private let outputCount = Atomic<Int>(0)

  init(dtype: DType = .bf16, change: (inout FamilySpec) -> Void = { _ in }) throws {
    scratch = try ScratchDirectory()
    var spec = FamilySpec(
      seed: 7,
      fineTunes: [
        FamilySpec.FineTune("math", dtype: dtype, drift: .heavy),
        FamilySpec.FineTune("law", dtype: dtype, drift: .light),
      ])
    spec.baseDType = dtype
    change(&spec)
    family = spec.build()
    try family.base.write(to: scratch("models/base"), layout: ShardingLayout())
    for tuned in family.fineTuned {
      try tuned.model.write(to: scratch("models/" + tuned.name), layout: ShardingLayout())
    }
  }

  var path: String { scratch.path }

  /// Adds what some methods read beside the models, where `sluice demo` puts it.
  func writeMethodFiles() throws {
    try family.writeMethodFiles(seed: 5, to: scratch, under: "models/files")
  }

  func callAsFunction(_ name: String) -> String { scratch(name) }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try scratch.write(text, to: name)
  }

  /// Runs a recipe.
  func run(
    _ recipe: MergeRecipe, options: RunOptions = RunOptions(threads: 2)
  ) throws -> (model: TinyModel, output: String) {
    let output = self("out-\(outputCount.add(1, ordering: .relaxed).newValue)")
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
    return try MergeCommand.parse(recipe: flags).recipe()
  }
}

extension MergeCommand {
  /// Reads the flags of a merge that goes nowhere.
  static func parse(recipe flags: [String]) throws -> MergeCommand {
    try parse(flags + ["--out", "nowhere"])
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
