import Testing

@Suite("Wrong recipes: chains")
struct ChainErrorTests {
  private static let chain = RecipeErrorTests.chain

  @Test("what is wrong in the chain form", arguments: chainForm)
  func refusesChainForm(wrong: WrongRecipe) { wrong.expectRefusal() }

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
      "stages[2].exec.command: the command names no program",
      "Write [PROGRAM, ARGUMENT, ...]."),
    WrongRecipe(
      chain + "  [read, delta, exec: {command: ['', x]}, merge, write]", "4:33",
      "stages[2].exec.command: the command names no program",
      "Write [PROGRAM, ARGUMENT, ...]."),
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
      chain
        + "  [read, delta, significance: {statistic: lagrest}, assign-rates, mask, merge, write]",
      "4:43", "stages[2].significance.statistic: \"lagrest\" is not one of the words expected here"),
    WrongRecipe(
      chain + "  [read, delta, merge, write: {dtype: I8}]", "4:39",
      "stages[3].write.dtype: \"I8\" is not one of the words expected here"),
  ]
}
