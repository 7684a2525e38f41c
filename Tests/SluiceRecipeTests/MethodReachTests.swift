import SluiceCore
import SluiceKernels
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluiceCommand

/// Every pruning with every merging, in both forms and by flags.
@Suite("Recipes reach every method")
struct MethodReachTests {
  static let prunings = PruneMethod.table.map(\.name)
  static let mergings = MergeMethod.table.map(\.name)

  private func parse(_ text: String) throws -> MergeRecipe {
    try RecipeFile.parse(text, directory: "/d", options: RunOptions(threads: 1)).recipe
  }

  @Test("method form, chain form and flags say the same", arguments: prunings, mergings)
  func forms(prune: String, merge: String) throws {
    let pruneRow = try #require(PruneMethod.table.first { $0.name == prune })
    let mergeRow = try #require(MergeMethod.table.first { $0.name == merge })
    let files = Set(pruneRow.files.needed + mergeRow.files.needed + mergeRow.files.optional)
    var flags = ["--base", "/d/b", "--model", "m=/d/m", "--prune", prune, "--merge", merge]
    var own: [String] = []
    var (common, mask, operation) = ("merge-scale: 0.5", "by: \(prune)", "scale: 0.5")
    flags += ["--merge-scale", "0.5"]
    for file in files.sorted(by: { $0.rawValue < $1.rawValue }) {
      let name = file.rawValue
      flags += [file.option, file.isOfModel ? "m=/d/\(name)" : "/d/\(name)"]
      if file.isOfModel { own.append("\(name): \(name)") } else { common += ", \(name): \(name)" }
      let value = file.isOfModel ? "{m: \(name)}" : name
      if pruneRow.files.needed.contains(file) {
        mask += ", \(name): \(value)"
      } else {
        operation += ", \(name): \(value)"
      }
    }
    let byFlags = try MergeCommand.parse(recipe: flags).recipe()
    let byMethod = try parse(
      """
      merge_method: \(merge)
      base_model: b
      models: {m: {path: m, parameters: {\(own.joined(separator: ", "))}}}
      parameters: {prune: \(prune), \(common)}
      """)
    let byChain = try parse(
      """
      base: b
      models: {m: m}
      stages:
        - read
        - delta
        - assign-rates
        - mask: {\(mask)}
        - merge: {operator: \(merge), \(operation)}
        - write
      """)
    #expect(byMethod == byFlags && byChain == byFlags)
    #expect(byMethod.fingerprint == byFlags.fingerprint)
    let again = try parse(byFlags.resolvedText())
    #expect(again == byFlags && again.fingerprint == byFlags.fingerprint)
  }

  @Test(
    "a pruning's own name means it, merged by TIES or what is chosen",
    arguments: prunings.filter { $0 != "none" })
  func names(prune: String) throws {
    let rest = "\nbase_model: b\nmodels: {m: m}\n"
    let plain = try parse("merge_method: \(prune)" + rest)
    #expect(plain.method.pruning.rawValue == prune && plain.method.merging == .ties)
    guard !["dppa", "dp"].contains(prune) else { return }
    let added = try parse("merge_method: \(prune)" + rest + "parameters: {merge: sum}")
    #expect(added.method.pruning.rawValue == prune && added.method.merging.rawValue == "sum")
  }

  @Test("rates that a pruning cannot have, and densities without a pruning, are refused")
  func refusals() {
    let head = "base_model: b\nmodels: {m: m}\nparameters: "
    func message(_ text: String) -> String? {
      #expect(throws: RecipeError.self) { try parse(text) }?.failure.message
    }
    #expect(
      message("merge_method: owl\n\(head){rates: acl}")?.hasSuffix(
        "prune owl always has the rates owl") == true)
    #expect(
      message("merge_method: ties\n\(head){density: 0.5}")?.hasSuffix(
        "merge_method ties prunes nothing") == true)
  }

  @Test(
    "a stage that changes nothing changes nothing, in long blocks, at each place of each method",
    arguments: [
      "mask: {by: dare, seed: 3}", "mask: {by: dare, scope: linear}", "mask: {by: owl}",
      "mask: {by: none}", "mask",
    ], PlacedTransform.Place.allCases)
  func idleStages(mask: String, place: PlacedTransform.Place) throws {
    let directory = try FamilyDirectory { spec in
      spec.layerCount = 1
      // More than a block, and no multiple of one, in each of three linear layers.
      spec.intermediateSize = 333
    }
    var registry = StageRegistry()
    registry.register(transform: "idle", version: "1") { _ in IdleStage() }
    func model(_ isIdle: Bool, rescale: String) throws -> TinyModel {
      var stages = ["read", "delta", "significance", "assign-rates", mask]
      // Only random masks know a rescale.
      let amplify = mask.contains("dare") ? "amplify: {rescale: \(rescale)}" : "amplify"
      stages += [amplify, "merge: {flavor: original}", "write"]
      let behind = place == .delta ? 1 : place == .mask ? 4 : 5
      if isIdle { stages.insert("idle", at: behind + 1) }
      let lines = stages.map { "  - \($0)" }.joined(separator: "\n")
      let recipe = try directory.recipe(
        "base: models/base\nmodels: {math: models/math, law: models/law}\nstages:\n" + lines,
        stages: registry)
      return try directory.run(recipe).model
    }
    for rescale in mask.contains("dare") ? ["l1", "inverse"] : ["none"] {
      try model(true, rescale: rescale).expectSameBytes(as: try model(false, rescale: rescale))
    }
  }
}

/// Asks for everything that a stage can ask for, and does nothing.
private struct IdleStage: DeltaTransform {
  var name: String { "idle" }
  var scope: TransformScope { .all }
  var needs: StageNeeds { StageNeeds(statistics: [MeanMagnitude()], usesGrains: true) }

  func makeLane(model: Int, kernels: Kernels) -> any LaneTransform { Lane() }

  private final class Lane: LaneTransform {
    func begin(_ strip: Strip, statistics: [Double]) { #expect(statistics.count == 1) }
    func apply(to block: DeltaTile) {}
  }
}
