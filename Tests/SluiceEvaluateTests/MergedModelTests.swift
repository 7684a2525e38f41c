import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRecipe
import SluiceRun
import SluiceTestSupport
import Testing

@testable import SluiceEvaluate

/// Recipes that are scored without their model being written, against the model written and scored.
@Suite("Recipes are scored like the models that they make") struct MergedModelTests {
  private static let task = """
    {"prompt":[1,5,9,33],"answer":[7,8,60]}
    {"prompt":[2],"answer":[3]}
    {"prompt":[1,17,23,40,41,42],"answer":[50,51]}
    """

  /// A base and two fine-tunes of a tiny decoder.
  private func write(
    _ name: String, to directory: ScratchDirectory, _ dtype: DType? = nil
  ) throws {
    var base = try DecoderFixture(name).model
    if let dtype {
      base.tensors = base.tensors.map { tensor in
        TinyTensor(
          tensor.name, dtype, tensor.shape.dimensions,
          values: (tensor.floats ?? []).map(Double.init))
      }
    }
    try base.write(to: directory("base"))
    for (seed, name) in ["a", "b"].enumerated() {
      var random = RepeatableGenerator(seed: UInt64(seed + 7))
      var tuned = base
      for index in tuned.tensors.indices {
        let tensor = tuned.tensors[index]
        let values = (tensor.floats ?? []).map { Double($0) + 0.05 * random.gaussian() }
        tuned.tensors[index] = TinyTensor(
          tensor.name, tensor.dtype, tensor.shape.dimensions, values: values)
      }
      try tuned.write(to: directory(name))
    }
  }

  private func scores(
    _ models: [EvaluatedModel], _ directory: String, memory: ByteCount = .mebibytes(128)
  ) throws -> EvaluationResult {
    let task = try TaskFile(Array(MergedModelTests.task.utf8), path: "t")
    let plan = try EvaluationPlan(
      models, [task], threads: 2, budget: EvaluationBudget(memory, recipeCount: models.count),
      scratch: directory)
    let result = try EvaluationRun(plan).run()
    #expect(result.bytesRead == plan.bytesRead)
    return result
  }

  @Test(
    "methods of one pass and of several, tied heads and untied ones",
    arguments: [("llama2", "dppa"), ("gemma2", "average"), ("qwen2", "dare_linear")])
  func merged(_ family: String, _ method: String) throws {
    let directory = try ScratchDirectory()
    try write(family, to: directory)
    let recipe = try RecipeFile.parse(
      """
      merge_method: \(method)
      base_model: \(directory("base"))
      models: {a: \(directory("a")), b: \(directory("b"))}
      """, options: RunOptions(threads: 2)
    ).recipe
    var options = RunOptions(threads: 2)
    options.memory = .mebibytes(64)
    _ = try MergeRun(MergePlan(recipe, options: options), output: directory("out")).execute()
    let before = try Directory.list(directory.path).map(\.name).sorted()
    let unwritten = try EvaluatedModel.merging(
      recipe, path: "r.yaml", options: options, scratch: directory.path)
    let written = try EvaluatedModel.open(directory("out"))
    let base = try EvaluatedModel.open(directory("base"))
    let result = try scores([unwritten, written, base], directory.path)
    let found = result.models.map { $0.tasks[0].examples }
    #expect(found[0] == found[1])
    #expect(found[0] != found[2])
    #expect(try Directory.list(directory.path).map(\.name).sorted() == before)
  }

  @Test("recipes of one base and its stores read each byte once, however many there are")
  func readOnce() throws {
    let directory = try ScratchDirectory()
    try write("llama2", to: directory, .bf16)
    var options = RunOptions(threads: 2)
    options.memory = .mebibytes(64)
    for (name, rate) in [("a", 0), ("b", 0.5)] {
      let request = PruneRun.Request(
        base: directory("base"), model: directory(name), pruningRate: PruningRate(rate)!)
      _ = try PruneRun(request, options: options, output: directory("\(name).store")).run()
    }
    func merged(_ recipe: MergeRecipe) throws -> EvaluatedModel {
      try EvaluatedModel.merging(
        recipe, path: "r.yaml", options: options, scratch: directory.path)
    }
    func amplified(_ factor: Double) throws -> EvaluatedModel {
      var recipe = MergeRecipe(
        base: directory("base"),
        models: ["a", "b"].map { .init(name: $0, path: directory("\($0).store")) },
        method: MethodParameters(pruningRate: PruningRate(0.5)!))
      for index in recipe.models.indices { recipe.models[index].amplification = [factor] }
      return try merged(recipe)
    }
    let factors = [1, 1.5, 2, 3.0]
    let alone = try factors.map { try scores([amplified($0)], directory.path) }
    let together = try scores(factors.map { try amplified($0) }, directory.path)
    #expect(together.bytesRead <= alone[0].bytesRead)
    #expect(
      together.models.map { $0.tasks[0].examples } == alone.map { $0.models[0].tasks[0].examples })
    #expect(Set(together.models.map { $0.tasks[0].loss.value }).count == 4)
    // A store by itself, and the base, read nothing that the recipes have not read.
    let others = [
      MergeRecipe(adding: directory("a.store"), to: directory("base")),
      MergeRecipe(adding: directory("base"), to: directory("base")),
    ]
    let more = try scores(factors.map { try amplified($0) } + others.map(merged), directory.path)
    #expect(more.bytesRead == together.bytesRead)
    let base = try scores([EvaluatedModel.open(directory("base"))], directory.path)
    #expect(more.models[5].tasks[0].examples == base.models[0].tasks[0].examples)
    // What does not fit is read by each for itself, and the plan says so.
    let small = try scores(
      factors.map { try amplified($0) }, directory.path, memory: ByteCount(5 << 20))
    #expect(
      small.models.map { $0.tasks[0].examples } == together.models.map { $0.tasks[0].examples })
  }
}
