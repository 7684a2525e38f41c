import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import Testing

/// A wrong value of a key, and what is said about it in both forms.
struct WrongValue: CustomTestStringConvertible, Sendable {
  let key: String
  let value: String
  let message: String
  let remedy: String?

  init(_ key: String, _ value: String, _ message: String, _ remedy: String? = nil) {
    (self.key, self.value, self.message, self.remedy) = (key, value, message, remedy)
  }

  var testDescription: String { "\(key): \(value)" }
}

/// Every key of the table with a value of the wrong type, out of range, or misspelt.
@Suite("Wrong values of keys")
struct KeyErrorTests {
  private static func word(_ key: String, _ value: String, _ remedy: String) -> WrongValue {
    WrongValue(key, value, "\"\(value)\" is not one of the words expected here", remedy)
  }

  private static func number(_ key: String, _ value: String, _ range: String) -> WrongValue {
    WrongValue(key, value, "a number \(range) is expected, found \(value)")
  }

  static let table = [
    word("vocabulary", "extends", "Did you mean extend? Known are: error, base, extend, match."),
    WrongValue(
      "vocabulary", "[base]", "one of error, base, extend, match is expected, found a list"),
    word("extra-tensors", "ignored", "Did you mean ignore? Known are: error, ignore, copy."),
    word("absent", "bases", "Did you mean base? Known are: error, base."),
    WrongValue("rename", "{a: b}", "a text is expected, found a mapping"),
    word("routers", "frist", "Did you mean first? Known are: merge, average, base, first."),
    word("lora-rounding", "exakt", "Did you mean exact? Known are: exact, peft, peft-half."),
    word("lora-experts", "pefd", "Did you mean peft? Known are: peft, unsloth."),
    WrongValue(
      "linear-include", "5",
      "a text is expected; 5 without quotes is a number for readers of YAML",
      "Write \"5\" in quotes if the text is meant."),
    WrongValue("linear-exclude", "{a: b}", "a text is expected, found a mapping"),
    number("significance-multiple", "-1", "of at least 0"),
    WrongValue(
      "significance-multiple", "five", "a number of at least 0 is expected, found \"five\""),
    word("significance", "counts", "Did you mean count? Known are: mass, count."),
    word(
      "rates", "arxive",
      "Did you mean arxiv? Known are: \(RateMethod.table.map(\.name).joined(separator: ", "))."),
    number("pruning-rate", "1", "from 0 to below 1"),
    WrongValue(
      "pruning-rate", "80%", "a number from 0 to below 1 is expected, found \"80%\"",
      "Write the share as a number: 0.8."),
    number("partition-width", "0.001", "above 0.001"),
    number("max-rate-deviation", "1.5", "from 0 to 1"),
    word("deviation-scale", "true", "Known are: on, off."),
    word("rebalance", "yes", "Known are: on, off."),
    word("denominator", "al", "Did you mean all? Known are: linear, all."),
    word("owl-norm", "max", "Known are: maxabs, minmax."),
    word(
      "prune", "mangitude",
      "Did you mean magnitude? Known are: \(PruneMethod.table.map(\.name).joined(separator: ", "))."
    ),
    word("tie-break", "first", "Known are: spread, index, drop, keep."),
    word("target", "deltas", "Did you mean delta? Known are: weights, delta."),
    number("dampening", "-0.01", "of at least 0"),
    word("scope", "lineal", "Did you mean linear? Known are: linear, all."),
    WrongValue("seed", "1.5", "a whole number of at most 64 bits is expected, found \"1.5\""),
    WrongValue(
      "seed", "18446744073709551616",
      "a whole number of at most 64 bits is expected, found \"18446744073709551616\""),
    word("mask-scope", "rows", "Did you mean row? Known are: tensor, row."),
    word("compensate", "owns", "Did you mean own? Known are: none, own."),
    WrongValue(
      "sketch-rank", "0.5",
      "a whole number, a share above 0% and below 100%, or all, is expected, found \"0.5\""),
    WrongValue(
      "sketch-rank", "100%",
      "a whole number, a share above 0% and below 100%, or all, is expected, found \"100%\""),
    number("ridge", "0", "above 0"),
    number("gram-share", "0", "above 0"),
    number("blend-rate", "1", "from 0 to below 1"),
    number("blend-factor", "0", "above 0"),
    word("rescale", "l2", "Did you mean l1? Known are: inverse, l1, row-l2, none."),
    number("row-l2-factor", "0", "above 0"),
    word("combine", "rings", "Did you mean ring? Known are: ring, max."),
    word(
      "merge", "tie",
      "Did you mean ties? Known are: \(MergeMethod.table.map(\.name).joined(separator: ", "))."),
    word("ties-flavor", "mergkit", "Did you mean mergekit? Known are: plain, original, mergekit."),
    number("ties-density", "0", "above 0 and at most 1"),
    word("zero-sign", "minority", "Did you mean majority? Known are: positive, majority, drop."),
    word("ties-aggregation", "average", "Known are: mean, sum."),
    number("temperature", "0", "above 0"),
    number("off-diagonal", "1.1", "from 0 to 1"),
    WrongValue("merge-scale", "[1]", "a number that is finite is expected, found a list"),
    WrongValue("merge-scale", "", "a number that is finite is expected, found nothing"),
    word("nonlinear", "bas", "Did you mean base? Known are: merge, average, base."),
    word(
      "dtype", "int8",
      "Known are: F32, F16, BF16, F64, bfloat16, float16, float32, float64."),
    WrongValue(
      "shard-size", "5 gigs", "a size such as 512MiB or 5GB is expected, found \"5 gigs\"",
      "Units are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (of 1024)."),
    WrongValue("shard-size", "0", "a size such as 512MiB or 5GB is expected, found \"0\""),
  ]

  @Test("every key of the table has one")
  func coverage() {
    #expect(Set(KeyErrorTests.table.map(\.key)) == Set(ParameterRow.all.map(\.name)))
  }

  private func expectRefusal(
    _ wrong: WrongValue, _ text: String, path: String, sourceLocation: SourceLocation
  ) throws {
    let error = #expect(throws: RecipeError.self, sourceLocation: sourceLocation) {
      try RecipeFile.parse(text, name: "r.yaml", options: RunOptions(threads: 1))
    }
    let failure = try #require(error?.failure)
    #expect(failure.exitCode == .usage, sourceLocation: sourceLocation)
    #expect(failure.message == "\(path): \(wrong.message)", sourceLocation: sourceLocation)
    if let remedy = wrong.remedy {
      #expect(failure.remedy == remedy, sourceLocation: sourceLocation)
    }
    // The place is that of the value: the end of the line that names the key.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(lines.firstIndex { $0.hasSuffix("{\(path.lastKey): \(wrong.value)}") })
    let column = lines[line].count - wrong.value.count
    #expect(
      failure.subject.file == "r.yaml:\(line + 1):\(column)", sourceLocation: sourceLocation)
  }

  @Test("in a chain, it is named with stage, line and column", arguments: table)
  func chainForm(wrong: WrongValue) throws {
    let key = try #require(ParameterRow.named(wrong.key))
    let names = [
      "read", "delta", "significance", "assign-rates", "mask", "amplify", "merge", "write",
    ]
    let stages = names.map { name in
      name == key.place.stage ? "  - \(name): {\(key.place.key): \(wrong.value)}" : "  - \(name)"
    }
    let text = (["base: b", "models: {m: m}", "stages:"] + stages).joined(separator: "\n")
    let index = try #require(names.firstIndex(of: key.place.stage))
    try expectRefusal(
      wrong, text, path: "stages[\(index)].\(key.place.stage).\(key.place.key)",
      sourceLocation: #_sourceLocation)
  }

  @Test("among parameters, it is named with line and column", arguments: table)
  func methodForm(wrong: WrongValue) throws {
    let method = ["prune": "ties", "merge": "dare"][wrong.key] ?? "dppa"
    // The type of the weights stands beside the parameters, as mergekit has it, or among them.
    let text =
      "merge_method: \(method)\nbase_model: b\nmodels: {m: m}\nparameters: {\(wrong.key): \(wrong.value)}"
    try expectRefusal(
      wrong, text, path: "parameters.\(wrong.key)", sourceLocation: #_sourceLocation)
  }
}

extension String {
  fileprivate var lastKey: Substring { split(separator: ".").last ?? "" }
}
