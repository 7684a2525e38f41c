import Foundation
import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRecipe
import Testing

@testable import SluiceCommand

/// A parameter with methods that look at it.
struct ParameterCase: CustomTestStringConvertible, Sendable {
  let row: ParameterRow

  var testDescription: String { row.name }

  static let all = ParameterRow.all.map { ParameterCase(row: $0) }

  private var owners: ParameterOwners? { ParameterOwners.byName[row.name] }
  /// A pruning, a rate rule and a merging with which the parameter has a meaning.
  var prune: String { owners?.prunings.first ?? "dppa" }
  var rates: String? { owners?.rates.first }
  var merge: String { owners?.mergings.first ?? "ties" }

  /// The chain form with the value.
  func chain(_ value: String) -> String {
    let names = [
      "read", "delta", "significance", "assign-rates", "mask", "amplify", "merge", "write",
    ]
    let stages = names.map { stage in
      var keys: [String] = []
      if stage == "mask", row.name != "prune" { keys.append("by: \(prune)") }
      if stage == "assign-rates", let rates { keys.append("form: \(rates)") }
      if stage == "merge", row.name != "merge" { keys.append("operator: \(merge)") }
      if stage == row.place.stage { keys.append("\(row.place.key): \(value)") }
      return "  - \(stage)" + (keys.isEmpty ? "" : ": {\(keys.joined(separator: ", "))}")
    }
    return (["base: b", "models: {m: m}", "stages:"] + stages).joined(separator: "\n")
  }

  /// The method form with the value.
  func method(_ value: String) -> String { methodForm(", \(row.name): \(value)") }

  /// The method form without it.
  var methods: String { methodForm("") }

  private func methodForm(_ more: String) -> String {
    let rates = rates.map { ", rates: \($0)" } ?? ""
    return "merge_method: \(merge)\nbase_model: b\nmodels: {m: m}\n"
      + "parameters: {prune: \(prune)\(rates)\(more)}"
  }
}

@Suite("Parameters")
struct ParameterTests {
  /// A value that is not the default, as a recipe and a flag write it.
  static func sample(_ row: ParameterRow) -> (
    value: AnyParameterValue, recipe: String, flag: String
  ) {
    switch row.kind {
    case .number(let range):
      let number: Double =
        switch range {
        case .rate, .share, .density: 0.375
        case .positive, .notNegative, .any: 2.5
        case .width: 0.25
        case .whole: 7
        }
      return (.number(number), "\(number)", "\(number)")
    case .word(let words):
      let word = words.last { .word($0) != row.defaultValue } ?? words[0]
      return (.word(word), word, word)
    case .toggle:
      let isOn = row.defaultValue == .toggle(false)
      return (.toggle(isOn), isOn ? "on" : "off", isOn ? "on" : "off")
    case .integer: return (.integer(1 << 63), "9223372036854775808", "9223372036854775808")
    case .rank: return (.rank(.percent(62.5)), "62.5%", "62.5%")
    case .size: return (.size(ByteCount(3_000_000)), "3MB", "3MB")
    case .patterns: return (.patterns(["a*b", "c"]), "[\"a*b\", c]", "a*b")
    case .dtype: return (.word("F16"), "float16", "bfloat16")
    }
  }

  private func parse(_ text: String) throws -> MergeRecipe {
    try RecipeFile.parse(text, options: RunOptions(threads: 1)).recipe
  }

  @Test("each means the same in both forms", arguments: ParameterCase.all)
  func forms(example: ParameterCase) throws {
    let row = example.row
    let sample = ParameterTests.sample(row)
    let fromChain = try parse(example.chain(sample.recipe))
    #expect(fromChain.method[row] == sample.value)
    // What is merged, and what is pruned, is the method's name itself.
    guard !["prune", "merge"].contains(row.name) else { return }
    let fromMethod = try parse(example.method(sample.recipe))
    #expect(fromMethod.method[row] == sample.value)
    #expect(fromMethod == fromChain && fromMethod.fingerprint == fromChain.fingerprint)
  }

  /// What a flag sets, if it is one of a list.
  ///
  /// A debug build takes long to read lines of all lists.
  private func read<List: ParameterList>(
    _ list: List.Type, _ row: ParameterRow, _ flag: String
  ) throws -> AnyParameterValue? {
    guard list.rows.contains(where: { $0.name == row.name }) else { return nil }
    var method = MethodParameters()
    let given = try ListedOptions<List>.parse([row.flag, flag]).apply(to: &method)
    #expect(given.map(\.name) == [row.name])
    return method[row]
  }

  @Test("each has a flag of its name, and the flag means the same", arguments: ParameterCase.all)
  func flags(example: ParameterCase) throws {
    let (row, sample) = (example.row, ParameterTests.sample(example.row))
    let found = try [
      read(PruningParameters.self, row, sample.flag), read(RateParameters.self, row, sample.flag),
      read(MergingParameters.self, row, sample.flag), read(FileParameters.self, row, sample.flag),
    ].compactMap(\.self)
    let expected: AnyParameterValue =
      switch row.kind {
      case .patterns: .patterns([sample.flag])
      case .dtype: .word("BF16")
      default: sample.value
      }
    #expect(found == [expected])
  }

  @Test("the flags of merge are the rows of the table, each once")
  func groups() {
    let rows =
      PruningParameters.rows + RateParameters.rows + MergingParameters.rows + FileParameters.rows
    #expect(rows.map(\.name).sorted() == ParameterRow.all.map(\.name).sorted())
    #expect(Set(ParameterRow.all.map(\.name)).count == ParameterRow.all.count)
    #expect(Set(ParameterRow.all.map(\.memberName)).count == ParameterRow.all.count)
    let help = MergeCommand.helpMessage(columns: 1000)
    for row in ParameterRow.all {
      #expect(help.contains("  \(row.flag) <"), "\(row.name)")
      #expect(help.contains(row.summary), "\(row.summary)")
    }
  }

  @Test("each changes the fingerprint and survives the resolved text", arguments: ParameterCase.all)
  func fingerprint(example: ParameterCase) throws {
    let sample = ParameterTests.sample(example.row)
    let standard = try parse(example.methods)
    var changed = standard
    changed.method[example.row] = sample.value
    #expect(changed.fingerprint != standard.fingerprint)
    let again = try parse(changed.resolvedText())
    #expect(again.fingerprint == changed.fingerprint && again.method == changed.method)
  }

  /// Who looks at a parameter in a merge.
  private struct Lookers: Hashable {
    let prunes: Bool
    let merges: Bool
    let rates: Bool

    var isNobody: Bool { !prunes && !merges && !rates }
  }

  /// The parameters that stand first in their stages: with these, lines of flags are read, which take
  /// long in a debug build.
  private static let firstOfStages = Set(
    Dictionary(grouping: ParameterRow.all.filter { ParameterOwners.byName[$0.name] != nil }) {
      $0.place.stage
    }.values.map { $0[0].name })

  @Test(
    "what no method of a merge looks at is refused by flag and by key", arguments: ParameterCase.all
  )
  func strangers(example: ParameterCase) throws {
    let row = example.row
    guard let owners = ParameterOwners.byName[row.name], row.name != "rates" else { return }
    let sample = ParameterTests.sample(row)
    var seen: Set<Lookers> = []
    for prune in PruneMethod.table {
      for merge in MergeMethod.table {
        var method = MethodParameters()
        method.pruning = try #require(.init(rawValue: prune.name))
        method.merging = try #require(.init(rawValue: merge.name))
        let lookers = Lookers(
          prunes: owners.prunings.contains(prune.name),
          merges: owners.mergings.contains(merge.name),
          rates: owners.rates.contains(method.assignedRates.rawValue))
        #expect(
          (method.strangers(to: row) != nil) == lookers.isNobody, "\(prune.name) > \(merge.name)")
        // Recipes for each kind of merge once.
        guard seen.insert(lookers).inserted else { continue }
        let text =
          "merge_method: \(merge.name)\nbase_model: b\nmodels: {m: m}\n"
          + "parameters: {prune: \(prune.name), \(row.name): \(sample.recipe)}"
        guard lookers.isNobody else {
          #expect(throws: Never.self) { try parse(text) }
          continue
        }
        #expect(throws: RecipeError.self) { try parse(text) }
        guard ParameterTests.firstOfStages.contains(row.name) else { continue }
        let flags = ["--base", "b", "--model", "m=m", "--prune", prune.name, "--merge", merge.name]
        let options = try MergeCommand.parse(recipe: flags + [row.flag, sample.flag])
        let error = #expect(throws: UsageError.self) { try options.recipe() }
        #expect(error?.failure.exitCode == .usage)
        #expect(error?.failure.message.hasPrefix("\(row.flag) belongs to \(owners.text)") == true)
      }
    }
  }

  @Test("a value out of range is refused wherever it comes from")
  func ranges() throws {
    for example in ParameterCase.all {
      guard case .number(let range) = example.row.kind, range != .any else { continue }
      var recipe = try parse(example.methods)
      recipe.method[example.row] = .number(-3)
      // A rate that is none cannot even be said.
      guard recipe.method[example.row] == .number(-3), range != .rate else { continue }
      let error = #expect(throws: PipelineError.self) {
        try MergePlan(recipe, options: RunOptions(threads: 1))
      }
      #expect(
        error?.failure.message
          == "\(example.row.flag): a number \(range.rawValue) is expected, found -3.0")
    }
  }

  @Test("the reference page has every key")
  func page() throws {
    let page = try String(
      contentsOfFile: FamilyDirectory.repository + "/docs/reference/recipes.md", encoding: .utf8)
    for row in ParameterRow.all {
      let line =
        "| `\(row.name)` | \(row.kindText) | \(row.defaultText) | "
        + "`\(row.place.stage)`: `\(row.place.key)` | \(row.summary) |"
      #expect(page.contains(line), "missing: \(line)")
    }
  }
}

extension ParameterRow {
  var kindText: String {
    switch kind {
    case .number(let range): "a number \(range.rawValue)"
    case .integer: "a whole number"
    case .rank: "a whole number, a share such as `75%`, or `all`"
    case .toggle: "`on`, `off`"
    case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .size: "a size"
    case .patterns: "a list of patterns"
    case .dtype: "`F32`, `F16`, `BF16`, `F64`"
    }
  }

  var defaultText: String { defaultValue.recipeText.map { "`\($0)`" } ?? "none" }
}
