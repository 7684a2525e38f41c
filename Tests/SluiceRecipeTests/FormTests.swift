import Foundation
import SluiceCore
import SluicePlan
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Both forms of recipes")
struct FormTests {
  @Test("method form, chain form, JSON and flags give the same recipe and the same bytes")
  func equal() throws {
    let directory = try FamilyDirectory()
    let method = try directory.recipe(
      """
      merge_method: dppa
      base_model: models/base
      models:
        - model: models/base   # mergekit's examples list the base too
        - model: models/math
          parameters: {amplify: [1.1, 1.3], weight: 0.75}
        - model: models/law
      parameters: {density: 0.3, lambda: 1.25, tie_break: index}
      dtype: bfloat16
      """)
    let chain = try directory.recipe(
      """
      base: models/base
      models: {math: models/math, law: models/law}
      stages:
        - read
        - delta
        - significance
        - assign-rates: {pruning-rate: 0.7}
        - mask: {tie-break: index}
        - amplify: {math: [1.1, 1.3]}
        - merge: {scale: 1.25, weights: {math: 0.75}}
        - write: {dtype: BF16}
      """)
    let json = try directory.recipe(
      """
      {"merge_method": "dppa", "base_model": "models/base",
       "models": [{"model": "models/math", "parameters": {"amplify": [1.1, 1.3], "weight": 0.75}},
                  {"model": "models/law"}],
       "parameters": {"pruning-rate": 0.7, "merge-scale": 1.25, "tie-break": "index"},
       "dtype": "BF16"}
      """)
    let flags = try directory.recipe(flags: [
      "--base", "models/base", "--model", "math=models/math", "--model", "law=models/law",
      "--amplify", "math=1.1,1.3", "--weight", "math=0.75", "--pruning-rate", "0.7",
      "--merge-scale", "1.25", "--tie-break", "index", "--dtype", "BF16",
    ])
    let expected = try directory.run(flags)
    for recipe in [method, chain, json] {
      #expect(recipe == flags)
      try directory.run(recipe).model.expectSameBytes(as: expected.model)
    }
    let again = try RecipeFile.load(
      expected.output + "/" + MergeRecipe.resolvedFileName, options: RunOptions(threads: 1))
    #expect(again.recipe.fingerprint == flags.fingerprint)
    try directory.run(again.recipe).model.expectSameBytes(as: expected.model)
  }

  @Test("run options stand apart from the recipe and from its fingerprint")
  func runOptions() throws {
    let text = "merge_method: dp\nbase_model: b\nmodels: {m: m}\n"
    let plain = try RecipeFile.parse(text, options: RunOptions(threads: 1))
    let tuned = try RecipeFile.parse(
      text + "run: {memory: 64MiB, threads: 3, io: pread, edges: queued}\nout: x", directory: "/d",
      options: RunOptions(threads: 1))
    #expect(tuned.runOptions.memory == .mebibytes(64))
    #expect(tuned.runOptions.threads == 3 && tuned.runOptions.io == .pread)
    #expect(tuned.runOptions.edges == .queued && plain.runOptions.edges == .auto)
    #expect(tuned.output == "/d/x" && plain.output == nil)
    #expect(tuned.recipe.fingerprint == plain.recipe.fingerprint)
  }

  @Test("numbers differ by filters and over the depth")
  func tensorNumbers() throws {
    let recipe = try RecipeFile.parse(
      """
      merge_method: dp
      base_model: b
      models:
        - model: m
          parameters:
            weight:
              - {filter: self_attn, value: [0, 0.5, 2]}
              - {filter: "*.mlp.*", value: 0.25}
              - {value: 1.5}
            density: [0.9, 0.5]
      """, options: RunOptions(threads: 1)
    ).recipe
    let weight = try #require(recipe.models[0].weightByTensor)
    func value(_ name: String) -> Double? { weight.value(for: name, blockCount: 5) }
    #expect(value("model.layers.0.self_attn.q_proj.weight") == 0)
    #expect(value("model.layers.1.self_attn.q_proj.weight") == 0.25)
    #expect(value("model.layers.2.self_attn.q_proj.weight") == 0.5)
    #expect(value("model.layers.3.self_attn.q_proj.weight") == 1.25)
    #expect(value("model.layers.4.self_attn.q_proj.weight") == 2)
    #expect(value("model.layers.4.mlp.up_proj.weight") == 0.25)
    #expect(value("model.norm.weight") == 1.5)
    let rate = try #require(recipe.models[0].pruningRate)
    #expect(rate.value(for: "model.layers.0.x.weight", blockCount: 3) == 0.1)
    #expect(rate.value(for: "model.layers.1.x.weight", blockCount: 3) == 0.1 + 0.5 * (0.5 - 0.1))
    #expect(rate.value(for: "model.layers.2.x.weight", blockCount: 3) == 0.5)
    #expect(rate.value(for: "model.embed_tokens.weight", blockCount: 3) == 0.1)
    #expect(rate.value(for: "lm_head.weight", blockCount: 3) == 0.5)
    #expect(rate.value(for: "model.layers.0.x.weight", blockCount: 1) == 0.1)
    let again = try RecipeFile.parse(recipe.resolvedText(), options: RunOptions(threads: 1)).recipe
    #expect(again.models[0].weightByTensor == weight && again.models[0].pruningRate == rate)
  }

  @Test("a tensor with rates of its own gets what it gets in a merge of all with these rates")
  func tensorRates() throws {
    let directory = try FamilyDirectory()
    func recipe(_ rate: String) throws -> MergeRecipe {
      try directory.recipe(
        """
        merge_method: dppa
        base_model: models/base
        models: {math: {path: models/math, parameters: {amplify: [1.5]}}, law: models/law}
        parameters: {rates: uniform, pruning-rate: \(rate)}
        """)
    }
    let mixed = try directory.run(
      try recipe("[{filter: self_attn, value: 0.9}, {filter: mlp, value: 0.5}]")
    ).model
    let attention = try directory.run(try recipe("0.9")).model
    let feedForward = try directory.run(try recipe("0.5")).model
    for tensor in mixed.tensors {
      let expected = tensor.name.contains("mlp") ? feedForward : attention
      #expect(tensor.bytes == expected[tensor.name]?.bytes, "tensor \(tensor.name)")
    }
    #expect(
      attention["model.layers.0.mlp.up_proj.weight"]?.bytes
        != feedForward["model.layers.0.mlp.up_proj.weight"]?.bytes)
  }

  @Test("more factors than the tensor with the fewest partitions has are refused")
  func factors() throws {
    let directory = try FamilyDirectory()
    let recipe = try directory.recipe(
      """
      merge_method: dppa
      base_model: models/base
      models: {math: {path: models/math, parameters: {amplify: [1.5, 1.2]}}}
      parameters: {pruning-rate: [{filter: mlp, value: 0.9}, {value: 0.5}]}
      """)
    let error = #expect(throws: PipelineError.self) {
      try MergePlan(recipe, options: RunOptions(threads: 1))
    }
    #expect(error?.failure.message == "model math has 2 factors for 1 partition in some tensors")
  }
}
