import Testing

@Suite("Wrong recipes: single models and files")
struct ModelErrorTests {
  @Test("what is wrong with files and with parameters of single models", arguments: modelKeys)
  func refusesModelKeys(wrong: WrongRecipe) { wrong.expectRefusal() }

  private static func model(_ method: String, _ own: String, common: String = "") -> String {
    "merge_method: \(method)\nbase_model: b\nmodels:\n  - model: m\n    parameters: {\(own)}\n"
      + (common.isEmpty ? "" : "parameters: {\(common)}\n")
  }

  static let modelKeys = [
    WrongRecipe(
      model("wanda", "activations: [x]"), "5:31",
      "models[0].parameters.activations: a text is expected, found a list"),
    WrongRecipe(
      model("wanda", "grams: x"), "5:18", "models[0].parameters.grams: there is no such key"),
    WrongRecipe(
      model("wanda", "weight: 1", common: "activations: x"), "6:14",
      "parameters.activations: there is no such key"),
    WrongRecipe(
      model("sparsegpt", "grams: 5"), "5:25",
      "models[0].parameters.grams: a text is expected; 5 without quotes is a number for readers of "
        + "YAML"),
    WrongRecipe(
      model("regmean", "gram: x"), "5:18", "models[0].parameters.gram: there is no such key",
      "Did you mean grams? Known are: weight, density, pruning-rate, amplify, grams."),
    WrongRecipe(
      model("lm-cocktail", "weight: 1", common: "losses: {m: 1}"), "6:22",
      "parameters.losses: a text is expected, found a mapping"),
    WrongRecipe(
      model("lm-cocktail", "losses: x"), "5:18",
      "models[0].parameters.losses: there is no such key"),
    WrongRecipe(
      model("adamerging", "weight: 1", common: "coefficients: []"), "6:28",
      "parameters.coefficients: a text is expected, found a list"),
    WrongRecipe(
      model("greedy-soup", "weight: 1", common: "scores: true"), "6:22",
      "parameters.scores: a text is expected; true without quotes is a truth value for readers of "
        + "YAML"),
    WrongRecipe(
      model("dp", "density: [0.5, 2]"), "5:33",
      "models[0].parameters.density[1]: a number above 0 and at most 1 is expected, found 2"),
    WrongRecipe(
      model("dp", "pruning-rate: [{filter: mlp, value: 1}]"), "5:54",
      "models[0].parameters.pruning-rate[0].value: a number from 0 to below 1 is expected, found 1"),
    WrongRecipe(
      model("dp", "density: [{filter: 5, value: 1}]"), "5:37",
      "models[0].parameters.density[0].filter: a text is expected; 5 without quotes is a number for "
        + "readers of YAML"),
    WrongRecipe(
      model("dp", "density: [{fliter: mlp, value: 1}]"), "5:29",
      "models[0].parameters.density[0].fliter: there is no such key",
      "Did you mean filter? Known are: filter, value."),
    WrongRecipe(
      model("dp", "weight: 1", common: "density: 0.5, pruning-rate: 0.5"), "6:23",
      "parameters.density: density and pruning-rate are given; they say the same"),
    WrongRecipe(
      model("dppa", "amplify: [a]"), "5:28",
      "models[0].parameters.amplify[0]: a number that is finite is expected, found \"a\""),
    WrongRecipe(
      model("sum", "weight: 1", common: "lambda: x"), "6:22",
      "parameters.lambda: a number that is finite is expected, found \"x\""),
    WrongRecipe(
      model("sum", "weight: 1") + "out: [x]", "6:6", "out: a text is expected, found a list"),
    WrongRecipe(
      model("sum", "weight: 1") + "out_dtype: bf17", "6:12",
      "out_dtype: \"bf17\" is not one of the words expected here"),
    WrongRecipe(
      "merge_method: sum\nbase_model: b\nmodels: {m: {path: m, parameter: {}}}", "3:23",
      "models.m.parameter: there is no such key",
      "Did you mean parameters? Known are: adapters, path, parameters."),
    WrongRecipe(
      "merge_method: sum\nbase_model: b\nmodels: [{model: m, nam: x}]", "3:21",
      "models[0].nam: there is no such key",
      "Did you mean name? Known are: model, name, adapters, parameters, layer_range."),
  ]
}
