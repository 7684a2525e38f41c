import SluiceCore
import SluicePipeline
import SluiceRecipes
import Testing

/// A wrong recipe, and what is said about it.
struct WrongRecipe: CustomTestStringConvertible, Sendable {
  let text: String
  /// Line and column.
  let place: String
  let message: String
  var remedy: String?

  init(_ text: String, _ place: String, _ message: String, _ remedy: String? = nil) {
    (self.text, self.place, self.message, self.remedy) = (text, place, message, remedy)
  }

  var testDescription: String { message }

  func expect(sourceLocation: SourceLocation = #_sourceLocation) {
    let error = #expect(throws: RecipeError.self, sourceLocation: sourceLocation) {
      try RecipeFile.parse(text, name: "r.yaml", options: RunOptions(threads: 1))
    }
    guard let failure = error?.failure else { return }
    #expect(failure.exitCode == .usage, sourceLocation: sourceLocation)
    let expected = place.isEmpty ? "r.yaml" : "r.yaml:\(place)"
    #expect(failure.subject.file == expected, sourceLocation: sourceLocation)
    #expect(failure.message == message, sourceLocation: sourceLocation)
    if let remedy { #expect(failure.remedy == remedy, sourceLocation: sourceLocation) }
  }
}

@Suite("Wrong recipes")
struct RecipeErrorTests {
  static let method = """
    merge_method: dppa
    base_model: base
    models:
      - model: math

    """
  static let chain = """
    base: base
    models: {math: m, law: l}
    stages:

    """

  @Test("what is not read of YAML", arguments: syntax)
  func refusesSyntax(wrong: WrongRecipe) { wrong.expect() }

  static let syntax = [
    WrongRecipe("", "1:1", "the recipe is empty"),
    WrongRecipe("a: [", "2:1", "this is not YAML: did not find expected node content"),
    WrongRecipe("a: &x 1", "1:4", "anchors (&x) are not read"),
    WrongRecipe("a: *x", "1:4", "aliases (*x) are not read"),
    WrongRecipe(
      "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]", "1:4", "anchors (&a) are not read"),
    WrongRecipe(
      "a: !!python/object:os.system x", "1:4",
      "tags (tag:yaml.org,2002:python/object:os.system) are not read"),
    WrongRecipe("<<: {a: 1}", "1:1", "merge keys are not read"),
    WrongRecipe("a: 1\na: 2", "2:1", "the key \"a\" is given twice, first in line 1"),
    WrongRecipe("a: 1\n---\nb: 2", "2:1", "a second document begins; a recipe is one"),
    WrongRecipe("[a]: 1", "1:1", "a key must be a single word, not a list"),
    WrongRecipe("- a", "1:1", "a mapping of keys to values is expected, found a list"),
    WrongRecipe(
      String(repeating: "[", count: 40) + String(repeating: "]", count: 40), "1:34",
      "more than 32 levels lie in each other"),
    WrongRecipe(
      "merge_method: dppa\nmerge-method: dp", "2:1",
      "the key \"merge-method\" is given twice, first as \"merge_method\" in line 1"),
    WrongRecipe(
      String(repeating: "#", count: 1 << 20) + "\n", "", "at most 1 MiB of a recipe is read"),
  ]

  @Test("what is wrong in the method form", arguments: methodForm)
  func refusesMethodForm(wrong: WrongRecipe) { wrong.expect() }

  static let methodForm = [
    WrongRecipe("base_model: b", "1:1", "the key merge_method is missing"),
    WrongRecipe(
      "merge_methd: dppa", "1:1", "merge_methd: there is no such key", "Did you mean merge_method?"),
    WrongRecipe(
      "merge_method: dpa", "1:15", "merge_method: there is no method \"dpa\"",
      "Did you mean dppa? Known are: dppa, dp, dare-ties, dare-linear, task-arithmetic, magnitude, "
        + "owl, dare, wanda, sparsegpt, ties, sum, average, lm-cocktail, adamerging, "
        + "adamerging++, regmean, greedy-soup."),
    WrongRecipe("merge_method: dppa", "1:1", "the key base_model is missing"),
    WrongRecipe(
      "merge_method: dppa\nbase_model: no", "2:13",
      "base_model: a text is expected; no without quotes is a truth value for readers of YAML",
      "Write \"no\" in quotes if the text is meant."),
    WrongRecipe(
      "merge_method: dppa\nbase_model: 010", "2:13",
      "base_model: a text is expected; 010 without quotes is a number for readers of YAML"),
    WrongRecipe(
      "merge_method: dppa\nbase_model: b\nmodels: []", "3:9",
      "models: no fine-tuned model is given"),
    WrongRecipe(
      "merge_method: dppa\nbase_model: b\nmodels: m", "3:9",
      "models: a mapping of keys to values is expected, found \"m\""),
    WrongRecipe(
      "merge_method: dppa\nbase_model: b\nmodels:\n  - path: m", "4:5",
      "models[0]: the key model is missing"),
    WrongRecipe(
      "merge_method: dppa\nbase_model: b\nmodels:\n  - model: x/m\n  - model: y/m", "5:5",
      "models[1]: the model name \"m\" is taken"),
    WrongRecipe(
      "merge_method: dppa\nbase_model: b\nmodels: {base: m}", "3:16",
      "models.base: the model name \"base\" is taken: the base model is called base"),
    WrongRecipe(
      "merge_method: dppa\nbase_model: b\nmodels: {on: m}", "3:10",
      "models: a text is expected; on without quotes is a truth value for readers of YAML"),
    WrongRecipe(
      method + "    parameters: {densty: 0.2}", "5:18",
      "models[0].parameters.densty: there is no such key",
      "Did you mean density? Known are: weight, density, pruning-rate, amplify."),
    WrongRecipe(
      method + "    parameters: {density: 20%}", "5:27",
      "models[0].parameters.density: a number above 0 and at most 1 is expected, found \"20%\"",
      "Write the share as a number: 0.2."),
    WrongRecipe(
      method + "    parameters: {density: 0}", "5:27",
      "models[0].parameters.density: a number above 0 and at most 1 is expected, found 0"),
    WrongRecipe(
      method + "    parameters: {pruning-rate: 1.0}", "5:32",
      "models[0].parameters.pruning-rate: a number from 0 to below 1 is expected, found 1.0"),
    WrongRecipe(
      method + "    parameters: {pruning_rate: 0.8, density: 0.2}", "5:46",
      "models[0].parameters.density: density and pruning-rate are given; they say the same"),
    WrongRecipe(
      method + "    parameters: {weight: 1_000}", "5:26",
      "models[0].parameters.weight: readers of YAML disagree on what 1_000 is: digits with leading "
        + "zeros, underscores, colons or a base prefix, and .inf and .nan, are not read as numbers",
      "Write a plain decimal number."),
    WrongRecipe(
      method + "    parameters: {weight: 1:30}", "5:26",
      "models[0].parameters.weight: readers of YAML disagree on what 1:30 is: digits with leading "
        + "zeros, underscores, colons or a base prefix, and .inf and .nan, are not read as numbers"),
    WrongRecipe(
      method + "    parameters: {weight: .inf}", "5:26",
      "models[0].parameters.weight: readers of YAML disagree on what .inf is: digits with leading "
        + "zeros, underscores, colons or a base prefix, and .inf and .nan, are not read as numbers"),
    WrongRecipe(
      method + "    parameters: {weight: \"1\"}", "5:26",
      "models[0].parameters.weight: a number that is finite is expected, found \"1\"",
      "Write the number without quotes."),
    WrongRecipe(
      method + "    parameters: {weight: 1e39}", "5:26",
      "models[0].parameters.weight: a number that is finite is expected, found 1e39"),
    WrongRecipe(
      method + "    parameters: {weight: {value: 1}}", "5:26",
      "models[0].parameters.weight: a number that is finite is expected, found a mapping"),
    WrongRecipe(
      method + "    parameters: {weight: []}", "5:26",
      "models[0].parameters.weight: the list is empty"),
    WrongRecipe(
      method + "    parameters: {weight: [{filter: mlp}]}", "5:27",
      "models[0].parameters.weight[0]: the key value is missing"),
    WrongRecipe(
      method + "    parameters: {weight: [{value: 1}, {filter: mlp, value: 2}]}", "5:39",
      "models[0].parameters.weight[1]: no tensor comes this far: the filter before matches all of "
        + "them"),
    WrongRecipe(
      method + "    parameters: {amplify: [{filter: mlp, value: 2}]}", "5:28",
      "models[0].parameters.amplify[0]: a factor is one number for the whole model"),
    WrongRecipe(
      method + "parameters: {amplify: [1.1]}", "5:23",
      "parameters.amplify: factors belong to a model",
      "Write them among the parameters of each model."),
    WrongRecipe(
      method + "parameters: {rates: alc}", "5:21",
      "parameters.rates: \"alc\" is not one of the words expected here"),
    WrongRecipe(
      method + "parameters: {merge: ties}", "5:21",
      "parameters.merge: merge_method dppa settles this already (ties)"),
    WrongRecipe(
      method + "parameters: {int8_mask: true}", "5:14",
      "parameters.int8_mask: masks are single bits here: remove the key"),
    WrongRecipe(
      method + "parameters: {partition-width: 0}", "5:31",
      "parameters.partition-width: a number above 0.001 is expected, found 0"),
    WrongRecipe(
      method + "parameters: {shard-size: 5}\nrun: {memory: lots}", "6:15",
      "run.memory: a size such as 512MiB or 5GB is expected, found \"lots\""),
    WrongRecipe(
      method + "run: {threads: 0}", "5:16",
      "run.threads: a number of threads from 1 to 1024 is expected, found 0"),
    WrongRecipe(
      method + "run: {io: map}", "5:11", "run.io: \"map\" is not one of the words expected here",
      "Did you mean mmap? Known are: mmap, pread."),
    WrongRecipe(
      method + "run: {pruning-rate: 0.8}", "5:7", "run.pruning-rate: there is no such key",
      "Known are: memory, threads, io."),
    WrongRecipe(
      method + "dtype: bf16", "5:8", "dtype: \"bf16\" is not one of the words expected here",
      "Did you mean BF16? Known are: F32, F16, BF16, F64, bfloat16, float16, float32, float64."),
    WrongRecipe(
      method + "tokenizer_source: union", "5:1",
      "tokenizer_source: the base's tokenizer is copied: remove the key"),
    WrongRecipe(
      method + "slices: []", "5:1",
      "slices: layers are not stacked here: all models have the layers of the base"),
    WrongRecipe(
      method + "stages: []", "5:9", "stages: a recipe has merge_method or stages, not both"),
    WrongRecipe(
      "merge_method: dp\nbase_model: b\nmodels:\n  - model: m\n    parameters: {amplify: [2]}",
      "5:27",
      "models[0].parameters.amplify: dp does not amplify: use merge_method dppa"),
  ]

  @Test("what is wrong with files and with parameters of single models", arguments: modelKeys)
  func refusesModelKeys(wrong: WrongRecipe) { wrong.expect() }

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
      "models.m.parameter: there is no such key", "Did you mean parameters? Known are: path, parameters."),
    WrongRecipe(
      "merge_method: sum\nbase_model: b\nmodels: [{model: m, nam: x}]", "3:21",
      "models[0].nam: there is no such key", "Did you mean name? Known are: model, name, parameters."),
  ]

  @Test("what is wrong in the chain form", arguments: chainForm)
  func refusesChainForm(wrong: WrongRecipe) { wrong.expect() }

  static let chainForm = [
    WrongRecipe("stages: []", "1:1", "the key base is missing"),
    WrongRecipe(
      "base: b\nmodels: {m: {path: m, parameters: {weight: 2}}}\nstages: []", "2:35",
      "models.m.parameters: parameters of models belong to the method form"),
    WrongRecipe(chain + "  read", "4:3", "stages: a list of stages is expected, found \"read\""),
    WrongRecipe(
      chain + "  [read, detla, merge, write]", "4:10",
      "stages[1]: there is no stage \"detla\"",
      "Did you mean delta? Known are: read, delta, significance, assign-rates, mask, amplify, "
        + "merge, write, drop, exec."),
    WrongRecipe(
      chain + "  [delta, read, merge, write]", "4:11", "stages[1]: read must stand before delta",
      "The order is: read, delta, significance, assign-rates, mask, amplify, merge, write."),
    WrongRecipe(
      chain + "  [read, delta, merge, merge, write]", "4:24",
      "stages[3]: the stage merge stands here for the second time"),
    WrongRecipe(chain + "  [read, delta, write]", "4:3", "stages: the stage merge is missing"),
    WrongRecipe(
      chain + "  [read, delta, significance, merge, write]", "4:17",
      "stages[2]: significance without assign-rates: nothing uses it"),
    WrongRecipe(
      chain + "  [read, delta, assign-rates, merge, write]", "4:17",
      "stages[2]: assign-rates without mask: nothing uses the rates"),
    WrongRecipe(
      chain + "  [read, delta, mask, merge, write]", "4:17",
      "stages[2]: mask needs the rates of assign-rates"),
    WrongRecipe(
      chain + "  [read, delta, amplify, merge, write]", "4:17",
      "stages[2]: amplify needs the partitions of mask"),
    WrongRecipe(
      chain + "  [read, exec: {command: [x]}, delta, merge, write]", "4:10",
      "stages[1]: exec works on deltas, and there are none yet"),
    WrongRecipe(
      chain + "  [read, delta, merge, exec: {command: [x]}, write]", "4:24",
      "stages[3]: exec works on deltas of single models, and they are merged already"),
    WrongRecipe(
      chain + "  - read: {}\n    delta: {}", "4:5",
      "stages[0]: one stage is expected here, found 2 keys"),
    WrongRecipe(
      chain + "  [read, delta, merge: {operator: tie}, write]", "4:35",
      "stages[2].merge.operator: \"tie\" is not one of the words expected here"),
    WrongRecipe(
      chain + "  [read, delta, merge: {weights: {maths: 2}}, write]", "4:35",
      "stages[2].merge.weights.maths: there is no such key",
      "Did you mean math? Known are: math, law."),
    WrongRecipe(
      chain + "  [read, delta, merge: {scale: big}, write]", "4:32",
      "stages[2].merge.scale: a number that is finite is expected, found \"big\""),
    WrongRecipe(
      chain + "  [read, delta, exec: {comand: [x]}, merge, write]", "4:24",
      "stages[2].exec.comand: there is no such key", "Did you mean command?"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: []}, merge, write]", "4:33",
      "stages[2].exec.command: the command is empty"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], time-limit: 5}, merge, write]", "4:50",
      "stages[2].exec.time-limit: a time such as 30s or 5min is expected, found \"5\"",
      "Units are ms, s, min and h."),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], kind: deltas}, merge, write]", "4:44",
      "stages[2].exec.kind: \"deltas\" is not one of the words expected here"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], statistics: [median]}, merge, write]", "4:51",
      "stages[2].exec.statistics[0]: \"median\" is not one of the words expected here"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: x}, merge, write]", "4:33",
      "stages[2].exec.command: a list of a program and its arguments is expected, found \"x\""),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x, [y]]}, merge, write]", "4:37",
      "stages[2].exec.command[1]: an argument is expected, found a list"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], scope: al}, merge, write]", "4:45",
      "stages[2].exec.scope: \"al\" is not one of the words expected here",
      "Did you mean all? Known are: linear, all."),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], statistics: [{quantile: 2}]}, merge, write]",
      "4:62",
      "stages[2].exec.statistics[0].quantile: a number from 0 to 1 is expected, found 2"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], statistics: [{quantil: 1}]}, merge, write]",
      "4:52", "stages[2].exec.statistics[0].quantil: there is no such key"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], memory: much}, merge, write]", "4:46",
      "stages[2].exec.memory: a size such as 512MiB or 5GB is expected, found \"much\""),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], name: 5}, merge, write]", "4:44",
      "stages[2].exec.name: a text is expected; 5 without quotes is a number for readers of YAML"),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: [x], kind: merge, scope: all}, write]", "4:51",
      "stages[2].exec.scope: there is no such key"),
    WrongRecipe(
      chain + "  [read, delta, drop, merge, write]", "4:17",
      "stages[2]: the key rate is missing"),
    WrongRecipe(
      chain + "  [read, delta, drop: {rate: 1}, merge, write]", "4:30",
      "stages[2].drop.rate: a number from 0 to below 1 is expected, found 1"),
    WrongRecipe(
      chain + "  [read, delta, drop: {rate: 0.5, seed: -1}, merge, write]", "4:41",
      "stages[2].drop.seed: a whole number of at most 64 bits is expected, found \"-1\""),
    WrongRecipe(
      chain + "  [read, delta, drop: {rate: 0.5, rescale: l1}, merge, write]", "4:44",
      "stages[2].drop.rescale: \"l1\" is not one of the words expected here",
      "Known are: inverse, none."),
    WrongRecipe(
      chain + "  [read, delta, drop: {rate: 0.5, scop: all}, merge, write]", "4:35",
      "stages[2].drop.scop: there is no such key",
      "Did you mean scope? Known are: rate, seed, scope, rescale."),
    WrongRecipe(
      chain + "  [read, delta, assign-rates: {model-rates: {math: 1}}, mask, merge, write]", "4:52",
      "stages[2].assign-rates.model-rates.math: a number from 0 to below 1 is expected, found 1"),
    WrongRecipe(
      chain + "  [read, delta, assign-rates: {model-rates: {maths: 0.5}}, mask, merge, write]",
      "4:46", "stages[2].assign-rates.model-rates.maths: there is no such key",
      "Did you mean math? Known are: math, law."),
    WrongRecipe(
      chain + "  [read, delta, assign-rates, mask: {by: wanda, activations: x}, merge, write]",
      "4:62",
      "stages[3].mask.activations: a mapping of keys to values is expected, found \"x\""),
    WrongRecipe(
      chain
        + "  [read, delta, assign-rates, mask: {by: wanda, activations: {mat: x}}, merge, write]",
      "4:63", "stages[3].mask.activations.mat: there is no such key",
      "Did you mean math? Known are: math, law."),
    WrongRecipe(
      chain + "  [read, delta, merge: {operator: ties, losses: x}, write]", "4:41",
      "stages[2].merge.losses: there is no such key"),
    WrongRecipe(
      chain + "  [read, delta, assign-rates, mask, amplify: {maht: [1]}, merge, write]", "4:47",
      "stages[4].amplify.maht: there is no such key"),
    WrongRecipe(
      chain + "  [read, delta, merge, write: {out: [x]}]", "4:37",
      "stages[3].write.out: a text is expected, found a list"),
    WrongRecipe(
      chain + "  [read, delta, significance: {statistic: lagrest}, assign-rates, mask, merge, write]",
      "4:43", "stages[2].significance.statistic: \"lagrest\" is not one of the words expected here"),
    WrongRecipe(
      chain + "  [read, delta, merge, write: {dtype: I8}]", "4:39",
      "stages[3].write.dtype: \"I8\" is not one of the words expected here"),
  ]
}
