import Foundation
import SluiceArchitecture
import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRecipe
import SluiceRun
import SluiceStages
import SluiceTestSupport
import Testing

/// `slices`: models whose layers come from several places.
@Suite("Stacks of layers")
struct StackTests {
  private static func name(_ name: String, in layer: Int) -> String {
    guard let parts = BlockName.parts(of: name) else { return name }
    return parts.name(in: layer)
  }

  /// What a stack of layers is, made by hand: `(model, layer)` for each.
  private static func stack(_ models: [String: TinyModel], _ layers: [(String, Int)]) throws
    -> TinyModel
  {
    let first = try #require(models[layers[0].0])
    let last = try #require(models[layers[layers.count - 1].0])
    var tensors = first.tensors.filter {
      !BlockName.isInBlock($0.name) && $0.name.contains("embed")
    }
    for (number, layer) in layers.enumerated() {
      for tensor in try #require(models[layer.0]).tensors
      where BlockName.number(of: tensor.name) == layer.1 {
        tensors.append(
          TinyTensor(
            name: name(tensor.name, in: number), dtype: tensor.dtype, shape: tensor.shape,
            bytes: tensor.bytes))
      }
    }
    tensors += last.tensors.filter {
      !BlockName.isInBlock($0.name) && !$0.name.contains("embed")
    }
    return TinyModel(tensors: tensors, config: first.config)
  }

  @Test(
    "layers repeated, cut and taken from two models have their bytes, and the config their number")
  func frankenmerge() throws {
    let directory = try FamilyDirectory()
    let recipe = try directory.recipe(
      """
      merge_method: passthrough
      slices:
        - sources: [{model: models/math, layer_range: [0, 2]}]
        - sources: [{model: models/law, layer_range: [1, 2]}]
        - sources: [{model: models/math, layer_range: [0, 1]}]
      dtype: bfloat16
      """)
    let merged = try directory.run(recipe)
    let expected = try Self.stack(
      directory.models, [("math", 0), ("math", 1), ("law", 1), ("math", 0)])
    merged.model.sorted.expectSameBytes(as: expected.sorted)
    let config = try ModelConfig(Array(merged.model.config.utf8), file: "config.json")
    #expect(config.integer("num_hidden_layers") == 4)
    var options = RunOptions(threads: 1)
    options.stripElements = Granularity.grainElements
    options.memory = .mebibytes(64)
    try directory.run(recipe, options: options).model.expectSameBytes(as: merged.model)
    let again = try directory.recipe(recipe.resolvedText())
    #expect(again == recipe && again.fingerprint == recipe.fingerprint)
  }

  @Test("a stack that is converted, or scaled where layers are to do nothing")
  func scaled() throws {
    let directory = try FamilyDirectory()
    let recipe = try directory.recipe(
      """
      merge_method: passthrough
      slices:
        - sources: [{model: models/math, layer_range: [0, 2]}]
        - sources:
            - model: models/math
              layer_range: [1, 2]
              parameters: {scale: [{filter: o_proj, value: 0.0}, {filter: down_proj, value: 0.0}, {value: 1.0}]}
      """)
    let merged = try directory.run(recipe).model
    let expected = try Self.stack(directory.models, [("math", 0), ("math", 1), ("math", 1)])
    for tensor in expected.tensors {
      let found = try #require(merged[tensor.name])
      let isZero =
        BlockName.number(of: tensor.name) == 2
        && (tensor.name.contains("o_proj") || tensor.name.contains("down_proj"))
      if isZero {
        #expect(try #require(found.floats).allSatisfy { $0 == 0 })
      } else {
        #expect(found.bytes == tensor.bytes, "\(tensor.name)")
      }
    }
  }

  @Test(
    "a merge of stacks is the merge of the models that the stacks are", arguments: [false, true])
  func merged(hasBase: Bool) throws {
    let directory = try FamilyDirectory()
    let models = directory.models
    let picks = [("math", 0), ("math", 1), ("math", 0), ("math", 1)]
    let others = [("law", 1), ("law", 0), ("law", 1), ("law", 1)]
    let bases = picks.map { ("base", $0.1) }
    for (name, layers) in [("stack-math", picks), ("stack-law", others), ("stack-base", bases)] {
      var model = try Self.stack(models, layers)
      model.config = model.config.replacingOccurrences(
        of: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 4")
      try model.write(to: directory("models/\(name)"), layout: ShardingLayout())
    }
    let method = hasBase ? "ties" : "linear"
    let numbers = hasBase ? "weight: 0.7, density: [0.5, 0.3]" : "weight: 0.7"
    func source(_ model: String, _ range: String, _ more: String = "") -> String {
      "        - {model: models/\(model), layer_range: \(range)\(more)}\n"
    }
    var text = "merge_method: \(method)\nslices:\n"
    // Whatever the place at which the base is listed.
    for (math, law, base) in [(0, 1, 0), (1, 0, 2), (0, 1, 0), (1, 1, 1)] {
      var sources = [
        source("math", "[\(math), \(math + 1)]", ", parameters: {\(numbers)}"),
        source("law", "[\(law), \(law + 1)]", ", parameters: {weight: 0.4}"),
      ]
      if hasBase { sources.insert(source("base", "[\(math), \(math + 1)]"), at: base) }
      text += "  - sources:\n" + sources.joined()
    }
    if hasBase { text += "base_model: models/base\n" }
    let stacked = try directory.run(try directory.recipe(text + "dtype: bfloat16\n"))
    // A slice of one layer has the last number of a list, and what lies outside of layers the first.
    let plain =
      "merge_method: \(method)\n" + (hasBase ? "base_model: models/stack-base\n" : "")
      + "models:\n  - model: models/stack-math\n    parameters: {"
      + (hasBase
        ? "weight: 0.7, density: [{filter: layers, value: 0.3}, {value: 0.5}]" : numbers)
      + "}\n  - {model: models/stack-law, parameters: {weight: 0.4}}\ndtype: bfloat16\n"
    try directory.run(try directory.recipe(plain)).model.expectSameBytes(as: stacked.model)
  }

  @Test(
    "what cannot be stacked is refused",
    arguments: [
      ("- sources: [{model: models/math, layer_range: [0, 3]}]", "the recipe takes layer 2"),
      ("- sources: [{model: models/math, layer_range: [1, 1]}]", "the first layer and"),
      (
        "- sources: [{model: models/math, layer_range: [0, 1]}, {model: models/law, layer_range: [0, 1]}]",
        "merges 1 model"
      ),
      ("- sources: [{model: models/math+models/law, layer_range: [0, 1]}]", "has an adapter"),
    ])
  func refused(slice: String, message: String) throws {
    let directory = try FamilyDirectory()
    let thrown = #expect(throws: (any Error).self) {
      let recipe = try directory.recipe("merge_method: passthrough\nslices:\n  \(slice)")
      _ = try MergePlan(recipe, options: RunOptions(threads: 1))
    }
    let error = try #require(thrown as? any SluiceError)
    #expect(error.failure.message.contains(message), "\(error.failure)")
  }

  @Test("sources that are not alike are refused")
  func unlike() throws {
    let directory = try FamilyDirectory()
    for (slices, message) in [
      (
        "- sources: [{model: models/math, layer_range: [0, 1]}, {model: models/law, layer_range: [0, 2]}]",
        "equally many layers; here are 1, 2"
      ),
      (
        "- sources: [{model: models/math, layer_range: [0, 1]}, {model: models/law, layer_range: [0, 1]}]\n"
          + "  - sources: [{model: models/math, layer_range: [0, 1]}]",
        "the slice has 1 sources, another has 2"
      ),
    ] {
      let error = #expect(throws: RecipeError.self) {
        try directory.recipe(
          "merge_method: karcher\nslices:\n  \(slices)")
      }
      #expect(error?.failure.message.contains(message) == true, "\(String(describing: error))")
    }
    let error = #expect(throws: RecipeError.self) {
      try directory.recipe(
        """
        merge_method: slerp
        base_model: models/base
        parameters: {t: 0.5}
        slices:
          - sources: [{model: models/math, layer_range: [0, 1]}, {model: models/law, layer_range: [0, 1]}]
        """)
    }
    #expect(error?.failure.message.contains("which is no source of this slice") == true)
  }

  @Test(
    "slices with unequally many sources are each what they are by themselves",
    arguments: ["linear", "ties", "dare_linear"], [false, true])
  func unequal(method: String, growing: Bool) throws {
    let directory = try FamilyDirectory()
    let head =
      "merge_method: \(method)\n" + (method == "linear" ? "" : "base_model: models/base\n")
      + "dtype: bfloat16\nslices:\n"
    func slice(_ models: [String], _ layer: Int) -> String {
      let all = method == "linear" ? models : ["base"] + models
      return "  - sources:\n"
        + all.map {
          "      - {model: models/\($0), layer_range: [\(layer), \(layer + 1)]"
            + ($0 == "base" ? "" : ", parameters: {weight: 0.\($0.utf8.count)}") + "}\n"
        }.joined()
    }
    let parts = growing ? [["math"], ["math", "law"]] : [["law", "math"], ["math"]]
    let recipe = try directory.recipe(head + slice(parts[0], 1) + slice(parts[1], 0))
    let merged = try directory.run(recipe).model
    let again = try directory.recipe(recipe.resolvedText())
    #expect(again == recipe && again.fingerprint == recipe.fingerprint)
    let first = try directory.run(try directory.recipe(head + slice(parts[0], 1))).model
    let second = try directory.run(try directory.recipe(head + slice(parts[1], 0))).model
    // As many sources make what is behind the layers as the first slice has.
    let last = try directory.run(
      try directory.recipe(head + slice(Array(parts[1].prefix(parts[0].count)), 0))
    ).model
    for tensor in merged.tensors {
      let layer = BlockName.number(of: tensor.name)
      let isBehind = BlockName.isBehindBlocks(tensor.name)
      let source = layer == 0 ? first : layer == 1 ? second : isBehind ? last : first
      #expect(tensor.bytes == source[Self.name(tensor.name, in: 0)]?.bytes, "\(tensor.name)")
    }
  }

  @Test("numbers come from the source, its slice, the module and the recipe, in this order")
  func scopes() throws {
    let directory = try FamilyDirectory()
    let recipe = try directory.recipe(
      """
      merge_method: linear
      modules:
        default:
          slices:
            - sources:
                - {model: models/math, layer_range: [0, 2], parameters: {weight: [{filter: layers.1., value: 9}]}}
                - {model: models/law, layer_range: [0, 2]}
              parameters: {weight: [{filter: mlp, value: [2, 4]}]}
            - sources:
                - {model: models/math, layer_range: [1, 2], parameters: {weight: [{filter: layers.1., value: 9}]}}
                - {model: models/law, layer_range: [0, 1]}
          parameters: {weight: [{filter: attn, value: 5}]}
      parameters: {weight: 7, normalize: yes}
      """)
    let steps = try #require(recipe.steps)
    func weight(_ name: String, _ input: Int) -> Double? {
      let layer = BlockName.parts(of: name).map { parts in
        StepPlace.Layer(number: parts.number) { parts.name(in: $0) }
      }
      let place = StepPlace(
        name: name, layer: layer, isBehind: BlockName.isBehindBlocks(name), layerCount: 3)
      return steps.number("weight", at: place, input: input)
    }
    #expect(weight("model.layers.0.mlp.up_proj.weight", 0) == 2)
    #expect(weight("model.layers.1.mlp.up_proj.weight", 1) == 4)
    #expect(weight("model.layers.1.mlp.up_proj.weight", 0) == 9)
    // The third layer is the second of math, and the first of law.
    #expect(weight("model.layers.2.mlp.up_proj.weight", 0) == 9)
    #expect(weight("model.layers.2.mlp.up_proj.weight", 1) == 7)
    #expect(weight("model.layers.2.self_attn.q_proj.weight", 1) == 5)
    #expect(weight("model.norm.weight", 1) == 7 && weight("model.embed_tokens.weight", 0) == 7)
    #expect(steps.shared["normalize"] == [ScopedNumber(.constant(1))])
  }

  @Test("a config's lists with an element for each layer follow the layers")
  func config() throws {
    let donor = """
      {"num_hidden_layers": 2, "eos_token_id": [1, 2], "layer_types": ["full", "sliding"],
       "mlp_only_layers": [1], "no_rope_layers": [1, 0]}
      """
    let other = try ModelConfig(
      Array(#"{"num_hidden_layers": 2, "layer_types": ["sliding", "other"]}"#.utf8), file: "c")
    let own = try ModelConfig(Array(donor.utf8), file: "c")
    let bytes = try LayeredConfig.config(
      Array(donor.utf8), file: "c",
      layers: [
        .init(config: own, number: 0), .init(config: own, number: 1),
        .init(config: other, number: 1), .init(config: own, number: 0),
      ])
    #expect(
      String(decoding: bytes, as: UTF8.self) == """
        {"num_hidden_layers": 4, "eos_token_id": [1, 2], "layer_types": ["full", "sliding", "other", "full"],
         "mlp_only_layers": [1, 2], "no_rope_layers": [1, 0, 0, 1]}
        """)
  }
}

extension FamilyDirectory {
  /// The models by name.
  fileprivate var models: [String: TinyModel] {
    var models: [String: TinyModel] = ["base": family.base]
    for tuned in family.fineTuned { models[tuned.name] = tuned.model }
    return models
  }
}
