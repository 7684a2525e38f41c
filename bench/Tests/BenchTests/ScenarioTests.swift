import ModelFamilies
import Platform
import Testing

@testable import Suite

@Suite struct ScenarioTests {
  @Test(
    "Names are unique, also among topics, and what a scenario is compared with merges the same models"
  )
  func list() throws {
    let names = Set(Scenario.all.map(\.name))
    #expect(names.count == Scenario.all.count)
    #expect(names.isDisjoint(with: Scenario.Topic.allCases.map(\.rawValue)))
    for scenario in Scenario.all {
      guard let against = scenario.against else { continue }
      let other = try #require(Scenario.all.first { $0.name == against })
      #expect(other.group(runShape: "tiny") == scenario.group(runShape: "tiny"))
    }
  }

  @Test("Every topic and every method of mergekit has a scenario")
  func complete() {
    #expect(Set(Scenario.all.map(\.topic)) == Set(Scenario.Topic.allCases))
    for method in MergekitMethod.allCases {
      #expect(Scenario.all.contains { $0.program == .mergekit(method) })
      #expect(Scenario.all.contains { $0.program == .recipe(method) })
    }
  }

  @Test(
    "A word chooses a scenario or a topic, with what they are compared with, in the list's order",
    arguments: [
      (["threads-1"], ["dppa-ties", "threads-1"]),
      (["dtypes"], ["f16", "f32"]),
      (["mergekit-linear", "sum"], ["dppa-ties", "sum", "average", "mergekit-linear"]),
    ])
  func choose(_ words: [String], _ expected: [String]) throws {
    #expect(try Scenario.chosen(by: words).map(\.name) == expected)
  }

  @Test("No word chooses everything, and an unknown one is refused by name")
  func chooseAll() throws {
    #expect(try Scenario.chosen(by: []).count == Scenario.all.count)
    let error = #expect(throws: BenchFailure.self) { try Scenario.chosen(by: ["sums"]) }
    #expect(error?.description.contains("'sums'") == true)
  }

  @Test("Scenarios of the same models take turns; other dtypes and cold ones do not join")
  func groups() throws {
    let chosen = try Scenario.chosen(by: ["sum", "f16", "cold-dppa-ties"])
    let groups = ScenarioGroup.groups(of: chosen, shape: "tiny")
    #expect(
      groups.map { $0.scenarios.map(\.name) } == [
        ["dppa-ties", "sum"], ["f16"], ["cold-dppa-ties"],
      ])
    #expect(groups[0].families == [Family()])
    #expect(
      groups[0].steps.map(\.name) == [Sample.floor, Sample.threadedFloor, "dppa-ties", "sum"])
    #expect(groups[2].steps.map(\.name) == [Sample.floor, "cold-dppa-ties"])
  }

  @Test("Scenarios that name the same turns take them, each with its own models and floor")
  func turns() throws {
    let chosen = try Scenario.chosen(by: ["models-8", "size"])
    let groups = ScenarioGroup.groups(of: chosen, shape: "tiny")
    #expect(groups.map(\.name) == ["models, warm", "sizes, cold"])
    #expect(groups[0].families.map(\.models) == [2, 8])
    #expect(
      groups[0].steps.map(\.name) == [
        "floor, models-2", "floor, thread per file, models-2", "floor, models-8",
        "floor, thread per file, models-8", "models-2", "models-8",
      ])
    #expect(groups[1].steps.map(\.name) == ["size-1.1b", "size-13b"])
  }

  @Test("An output in memory makes a group of its own, whose folder is another")
  func outputInMemory() throws {
    let chosen = try Scenario.chosen(by: ["dppa-ties", "unbound-threads-2"])
    let groups = ScenarioGroup.groups(of: chosen, shape: "tiny")
    #expect(
      groups.map(\.name) == ["tiny, 2 models, warm", "tiny, 2 models, warm, output in memory"])
    let bench = Workbench(
      sluice: "", mergekit: nil, data: "", scratch: "disk", memoryScratch: "memory", shape: "tiny")
    #expect(chosen.map(bench.scratch(for:)) == ["disk", "memory"])
  }

  @Test(
    "A recipe for mergekit names base, models, weights, and a density where the method prunes",
    arguments: [
      (.linear, false, true, false), (.taskArithmetic, true, true, false),
      (.ties, true, true, true), (.dareTies, true, true, true),
      (.nuslerp, false, true, false), (.sce, true, false, false),
    ] as [(MergekitMethod, Bool, Bool, Bool)])
  func recipe(_ method: MergekitMethod, hasBase: Bool, hasWeight: Bool, hasDensity: Bool) {
    let text = method.recipe(base: "/a \"b\"", models: ["/m", "/n"], dtype: "bfloat16")
    #expect(text.hasPrefix("merge_method: \(method.rawValue)\ndtype: bfloat16\n"))
    #expect(text.contains("base_model: \"/a \\\"b\\\"\"") == hasBase)
    #expect(text.contains("density: 0.2") == hasDensity)
    let last = "  - model: \"/n\"\n" + (hasWeight ? "    parameters:\n      weight: 1.0\n" : "")
    #expect(text.contains(last) && text.contains("weight") == hasWeight)
  }

  @Test("A method of one model has the first one, with what is for all")
  func recipeOfOne() {
    let text = MergekitMethod.slerp.recipe(base: "/b", models: ["/m", "/n"], dtype: "float16")
    #expect(
      text == """
        merge_method: slerp
        dtype: float16
        base_model: "/b"
        parameters:
          t: 0.4
        models:
          - model: "/m"

        """)
  }

  @Test("Families that differ in the number of models share a folder, others do not")
  func folders() {
    #expect(Family(models: 8).folder(runShape: "40mb") == "40mb")
    #expect(Family(type: .f32).folder(runShape: "40mb") == "40mb-f32")
    #expect(Family(shape: "tiny", layers: 3).folder(runShape: "40mb") == "tiny-layers-3")
    #expect(Family(distinctLayers: 2).folder(runShape: "40mb") == "40mb-distinct-2")
  }

  @Test(
    "What is missing of a family is made, what is there is kept, what was made goes again")
  func makeFamily() throws {
    let scratch = try Scratch()
    let two = try Family(models: 1).make(in: scratch.path, runShape: "tiny")
    #expect(two.made.count == 2 && two.models == ["math"])
    try File.replace(two.base + "/config.json", with: "kept")
    let three = try Family(models: 2).make(in: scratch.path, runShape: "tiny")
    #expect(three.made == [three.path + "/code"])
    #expect(try File.contents(of: two.base + "/config.json") == Array("kept".utf8))
    #expect(try three.inputs().count == 3)
    try three.removeMade()
    #expect(try Directory.names(in: two.path) == ["base", "math"])
    try two.adding(three).removeMade()
    #expect(!Directory.exists(two.path))
  }
}
