import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Recipes of whole models: linear, and slices of all layers")
struct WholeModelTests {
  @Test("linear is the mean of the models by weight, without a base")
  func linear() throws {
    let directory = try FamilyDirectory()
    let recipe = try directory.recipe(
      """
      merge_method: linear
      models:
        - {model: models/math, parameters: {weight: 1.4}}
        - {model: models/law, parameters: {weight: 0.6}}
      dtype: float32
      """)
    let merged = try directory.run(recipe).model
    let models = try ["math", "law"].map { try TinyModel.read(directory("models/\($0)")) }
    for tensor in models[0].tensors {
      let first = try #require(tensor.floats)
      let second = try #require(models[1][tensor.name]?.floats)
      let found = try #require(merged[tensor.name]?.floats)
      for index in first.indices {
        // The weight is rounded to F32, the delta and the sum too.
        let expected = 0.7 * Double(first[index]) + 0.3 * Double(second[index])
        let largest = max(first[index].magnitude, second[index].magnitude)
        #expect(abs(Double(found[index]) - expected) <= Double(largest) * 0x1p-21)
      }
    }
  }

  @Test(
    "what says too little is refused, with its place",
    arguments: [
      ("linear", "  - {model: a, parameters: {weight: 1}}\n  - model: b", "4:5", "has no weight"),
      ("linear", "  - {model: a, parameters: {weight: 1}}\n  - model: a", "4:5", "listed twice"),
      ("ties", "  - {model: a, parameters: {weight: 1}}", "1:15", "needs a base_model"),
      ("passthrough", "  - model: a\n  - model: b", "1:15", "merges 1 model, and here are 2"),
      (
        "linear", "  - {model: a, parameters: {weight: 1, ties-density: 1}}", "3:40",
        "belongs to sluice's own methods"
      ),
    ])
  func refused(method: String, models: String, place: String, message: String) throws {
    let error = #expect(throws: RecipeError.self) {
      try RecipeFile.parse(
        "merge_method: \(method)\nmodels:\n" + models, options: RunOptions(threads: 1))
    }
    let failure = try #require(error).failure
    #expect(
      failure.message.contains(message) && failure.subject.file?.hasSuffix(":\(place)") == true,
      "\(failure)")
  }

  @Test(
    "a name that mergekit has too is ours with a mapping of models, and under a name of its own")
  func ours() throws {
    let mapping = try RecipeFile.parse(
      "merge_method: ties\nbase_model: b\nmodels: {m: m}", options: RunOptions(threads: 1)
    ).recipe
    let named = try RecipeFile.parse(
      "merge_method: sluice-ties\nbase_model: b\nmodels: [{model: m}]",
      options: RunOptions(threads: 1)
    ).recipe
    let theirs = try RecipeFile.parse(
      "merge_method: ties\nbase_model: b\nmodels: [{model: m, parameters: {weight: 1}}]",
      options: RunOptions(threads: 1)
    ).recipe
    #expect(mapping.steps == nil && mapping == named && mapping.method.merging == .ties)
    #expect(theirs.steps?.method.name == "ties" && theirs.fingerprint != named.fingerprint)
  }

  private func setLayers(_ directory: FamilyDirectory) throws {
    for name in ["base", "math", "law"] {
      try directory.write(
        #"{"model_type": "llama", "num_hidden_layers": 2}"#, to: "models/\(name)/config.json")
    }
  }

  private static func slices(_ ranges: [String], more: String = "") -> String {
    """
    slices:
      - sources:
          - {model: models/base, layer_range: \(ranges[0])}
          - {model: models/math, layer_range: \(ranges[1]), parameters: {weight: 1.0}}
          - {model: models/law, layer_range: \(ranges[0]), parameters: {weight: 0.5}}
    \(more)
    merge_method: task_arithmetic
    base_model: models/base
    """
  }

  @Test("one slice of all layers is the models themselves")
  func whole() throws {
    let directory = try FamilyDirectory()
    try setLayers(directory)
    let plain = try directory.recipe(
      """
      merge_method: task_arithmetic
      base_model: models/base
      models:
        - {model: models/base}
        - {model: models/math, parameters: {weight: 1.0}}
        - {model: models/law, parameters: {weight: 0.5}}
      """)
    #expect(try directory.recipe(Self.slices(["[0, 2]", "[0, 2]"])) == plain)
  }
}
