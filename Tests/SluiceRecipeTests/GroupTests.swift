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

/// `groups`: numbers by groups of modules.
@Suite("Groups in recipes") struct GroupTests {
  private static let groups =
    "{groups: {attention: [0.1, 0.2, 0.3], mlp: [0.4, 0.5, 0.6], embedding: 0.7, head: 0.8, norms: 0.9}}"
  private static let filters = """
    [{filter: "@attention/1", value: 0.1}, {filter: "@attention/2", value: 0.2}, \
    {filter: "@attention/3", value: 0.3}, {filter: "@mlp/1", value: 0.4}, \
    {filter: "@mlp/2", value: 0.5}, {filter: "@mlp/3", value: 0.6}, \
    {filter: "@embedding", value: 0.7}, {filter: "@head", value: 0.8}, {filter: "@norms", value: 0.9}]
    """

  private static func method(_ weight: String, _ method: String = "sluice-sum") -> String {
    """
    merge_method: \(method)
    base_model: base
    models: [{model: a, parameters: {weight: \(weight)}}, {model: b, parameters: {weight: 1}}]
    """
  }

  private static func chain(_ weight: String) -> String {
    "{base: base, models: {a: a, b: b}, "
      + "stages: [read, delta, {merge: {operator: sum, weights: {a: \(weight)}}}, write]}"
  }

  private func parse(_ text: String) throws -> MergeRecipe {
    try RecipeFile.parse(text, options: RunOptions(threads: 1)).recipe
  }

  @Test("are filters, in every form")
  func filters() throws {
    let own = try parse(GroupTests.method(GroupTests.groups))
    #expect(own == (try parse(GroupTests.method(GroupTests.filters))))
    #expect(own.fingerprint == (try parse(GroupTests.chain(GroupTests.groups)).fingerprint))
    let rule = try #require(own.models[0].weightByTensor)
    #expect(rule.rules.count == 9)
    for name in ["task_arithmetic", "sluice-own-regmean", "sluice-dare_linear"] {
      let short = try parse(GroupTests.method(GroupTests.groups, name))
      let long = try parse(GroupTests.method(GroupTests.filters, name))
      #expect(
        short == long && short.facts.contains { $0.value.contains("@attention/2") }, "\(name)")
    }
  }

  @Test("go with rates and densities, too, and with a third and a number for all of the depth")
  func others() throws {
    let text = """
      merge_method: magnitude
      base_model: base
      models: [{model: a, parameters: {density: {groups: {mlp: [0.1, 0.2, 0.3], attention: 0.5}}}}]
      """
    let rate = try #require(parse(text).models[0].pruningRate)
    func value(_ name: String) -> Double? { rate.value(for: name, blockCount: 3) }
    #expect(value("layers.1.mlp.up.weight") == 0.8)
    #expect(
      value("layers.0.self_attn.q.weight") == 0.5 && value("layers.2.self_attn.q.weight") == 0.5)
    #expect(value("embed_tokens.weight") == nil)
  }

  @Test("that are none are refused, with what is known")
  func errors() {
    func message(_ weight: String) -> String {
      do {
        _ = try parse(GroupTests.method(weight))
        return "nothing was refused"
      } catch {
        return "\(error)"
      }
    }
    #expect(message("{groups: {atention: 1}}").contains("attention"))
    #expect(message("{groups: {attention: [1, 2]}}").contains("one for each third of the depth"))
    #expect(message("{groups: {norms: [1, 2, 3]}}").contains("the group has no depth"))
    #expect(message("{groups: {attention: [1, [2, 3], 3]}}").contains("a number is expected"))
    #expect(message("{groups: {}}").contains("no group is named"))
    #expect(message("[{filter: \"@mlps\", value: 1}]").contains("is no group of modules"))
    #expect(message("{groups: {search: [0, 1]}}").contains("groups.search: there is no such key"))
  }

  @Test(
    "give each tensor what one weight for all gives it, dense and sparse",
    arguments: [
      "sluice-sum", "sluice-own-regmean", "sluice-dare_linear", "sluice-magnitude",
      "task_arithmetic",
    ])
  func bytes(method: String) throws {
    let directory = try ScratchDirectory()
    var spec = FamilySpec(seed: 77, fineTunes: [.init("a"), .init("b")])
    spec.layerCount = 4
    let family = spec.build()
    try family.base.write(to: directory("base"))
    for tuned in family.fineTuned { try tuned.model.write(to: directory(tuned.name)) }
    func merged(_ weight: String) throws -> TinyModel {
      let text = """
        merge_method: \(method)
        base_model: \(directory("base"))
        models:
          - {model: \(directory("a")), parameters: {weight: \(weight)}}
          - {model: \(directory("b")), parameters: {weight: 0.25}}
        """
      let out = directory("out \(weight.count) \(weight.prefix(3))")
      let recipe = try parse(text)
      _ = try MergeRun(
        try MergePlan(recipe, options: RunOptions(threads: 1)), output: out
      ).execute()
      return try TinyModel.read(out)
    }
    let grouped = try merged(GroupTests.groups)
    let constants = try (1...9).map { try merged("0.\($0)") }
    var seen: Set<Int> = []
    for tensor in grouped.tensors {
      let group = ModuleGroup(of: tensor.name)
      let block = BlockName.number(of: tensor.name) ?? 0
      let third = block == 0 ? 0 : block == 1 ? 1 : 2
      let position =
        switch group {
        case .attention: third
        case .mlp: 3 + third
        case .embedding: 6
        case .head: 7
        case .norms: 8
        }
      seen.insert(position)
      #expect(constants[position][tensor.name]?.bytes == tensor.bytes, "\(tensor.name)")
    }
    #expect(seen.count == 9)
  }

  @Test("are searched with one key: nine numbers of a model")
  func marks() throws {
    let directory = try ScratchDirectory()
    let path = directory("recipe.yaml")
    try Data(
      """
      merge_method: sluice-own-regmean
      base_model: base
      models:
        - {model: a, parameters: {weight: {groups: {search: [0.6, 1.4]}}}}
        - {model: b, parameters: {weight: {groups: {mlp: {search: [0, 1]}, attention: [1, {search: [0, 2]}, 1]}}}}
      """.utf8
    ).write(to: URL(fileURLWithPath: path))
    let marked = try MarkedRecipe.load(path, options: RunOptions(threads: 1))
    #expect(marked.marks.count == 11)
    #expect(marked.marks[0].name == "models[0].parameters.weight.groups.attention[0]")
    #expect(marked.marks[8].name == "models[0].parameters.weight.groups.norms")
    #expect(marked.marks[9].name == "models[1].parameters.weight.groups.mlp")
    let recipe = try marked.file((0..<11).map { 0.5 + Double($0) / 16 }).recipe
    func value(_ model: Int, _ name: String) -> Double? {
      recipe.models[model].weightByTensor?.value(for: name, blockCount: 3)
    }
    #expect(value(0, "layers.2.self_attn.q.weight") == 0.5 + 2.0 / 16)
    #expect(value(0, "norm.weight") == 1 && value(1, "layers.0.mlp.up.weight") == 0.5 + 9.0 / 16)
    #expect(value(1, "layers.1.self_attn.q.weight") == 0.5 + 10.0 / 16)
  }
}
