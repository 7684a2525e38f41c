import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
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

  func expectRefusal(sourceLocation: SourceLocation = #_sourceLocation) {
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
  func refusesSyntax(wrong: WrongRecipe) { wrong.expectRefusal() }

  static let syntax = [
    WrongRecipe("", "1:1", "the recipe is empty"),
    WrongRecipe("a: [", "2:1", "this is not YAML: did not find expected node content"),
    WrongRecipe("a: *x", "1:4", "there is no anchor &x before *x"),
    WrongRecipe("a: &x [*x]", "1:8", "*x stands inside of what it is the name of"),
    WrongRecipe(
      "a: &a [" + Array(repeating: "1", count: 400).joined(separator: ", ")
        + "]\nb: &b [" + Array(repeating: "*a", count: 200).joined(separator: ", ")
        + "]\nc: [*b, *b]", "3:5", "aliases unfold into more than 100 000 values"),
    WrongRecipe(
      "a: &a " + String(repeating: "[", count: 20) + String(repeating: "]", count: 20) + "\nb: "
        + String(repeating: "[", count: 20) + "*a" + String(repeating: "]", count: 20), "2:24",
      "more than 32 levels lie in each other"),
    WrongRecipe(
      "a: !!python/object:os.system x", "1:4",
      "the tag tag:yaml.org,2002:python/object:os.system is not read here"),
    WrongRecipe("a: !!seq x", "1:4", "the tag tag:yaml.org,2002:seq is not read here"),
    WrongRecipe("<<: 1", "1:5", "<< takes a mapping, or a list of mappings, and not \"1\""),
    WrongRecipe("a: 1\na: 2", "2:1", "the key \"a\" is given twice, first in line 1"),
    WrongRecipe(
      "a: 1\n---\nb: 2", "2:1", "a second document begins; a recipe is one",
      "Write each into a file of its own, and run one after the other."),
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
  func refusesMethodForm(wrong: WrongRecipe) { wrong.expectRefusal() }

  static let methodForm = [
    WrongRecipe("base_model: b", "1:1", "the key merge_method is missing"),
    WrongRecipe(
      "merge_methd: dppa", "1:1", "merge_methd: there is no such key", "Did you mean merge_method?"),
    WrongRecipe(
      "merge_method: dpa", "1:15", "merge_method: there is no method \"dpa\"",
      "Did you mean dppa? Known are: dppa, dp, dare-ties, dare-linear, task-arithmetic, magnitude, "
        + "owl, dare, wanda, sparsegpt, ties, sum, average, lm-cocktail, adamerging, "
        + "adamerging++, regmean, own-regmean, greedy-soup, linear, passthrough, breadcrumbs, breadcrumbs_ties, "
        + "della, della_linear, slerp, nuslerp, multislerp, karcher, model_stock, sce, nearswap, "
        + "ram, ramplus_tl, arcee_fusion."),
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
      method + "parameters: {shard-size: 5GB}\nrun: {memory: lots}", "6:15",
      "run.memory: a size such as 512MiB or 5GB is expected, found \"lots\""),
    WrongRecipe(
      method + "run: {threads: 0}", "5:16",
      "run.threads: a number of threads from 1 to 1024 is expected, found 0"),
    WrongRecipe(
      method + "run: {io: map}", "5:11", "run.io: \"map\" is not one of the words expected here",
      "Did you mean mmap? Known are: auto, pread, mmap, direct."),
    WrongRecipe(
      method + "run: {pruning-rate: 0.8}", "5:7", "run.pruning-rate: there is no such key",
      "Known are: memory, threads, io, edges."),
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
}
