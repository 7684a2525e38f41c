import Foundation
import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluiceCommand

/// `sluice evaluate`, `collect` and `search --task-files`, run as users run them.
@Suite("Commands that compute models") struct EvaluateCommandTests {
  private let directory: ScratchDirectory

  init() throws {
    directory = try ScratchDirectory()
    let base = try DecoderFixture("llama2").model
    try base.write(to: directory("base"))
    var tuned = base
    var random = RepeatableGenerator(seed: 3)
    for index in tuned.tensors.indices {
      let tensor = tuned.tensors[index]
      let values = (tensor.floats ?? []).map { Double($0) + 0.05 * random.gaussian() }
      tuned.tensors[index] = TinyTensor(
        tensor.name, tensor.dtype, tensor.shape.dimensions, values: values)
    }
    try tuned.write(to: directory("tuned"))
    try directory.write(
      """
      merge_method: dppa
      base_model: base
      models: {tuned: tuned}
      parameters: {pruning-rate: 0.8}
      """, to: "dppa.yaml")
    // Every token once: some answer is right by chance.
    let lines = (3..<61).map { "{\"prompt\":[1],\"answer\":[\($0)]}" }
    try directory.write(lines.joined(separator: "\n"), to: "any.jsonl")
    try directory.write(
      "{\"prompt\":[1,7],\"choices\":[[8],[9,10]],\"index\":0}", to: "which.jsonl")
  }

  private func object(_ line: Substring) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test("evaluate scores models and recipes, and writes what became of each example")
  func evaluate() throws {
    let result = try SluiceProcess.run([
      "evaluate", directory("base"), directory("dppa.yaml"), "--tasks", directory("any.jsonl"),
      directory("which.jsonl"), "--json", "--scratch", directory.path, "--examples",
      directory("examples.jsonl"),
    ])
    #expect(result.exitCode == 0, "\(result.errors)")
    let models = try result.output.split(separator: "\n").map { try object($0) }
    #expect(models.map { $0["model"] as? String } == ["base", "dppa.yaml"])
    for model in models {
      let tasks = try #require(model["tasks"] as? [String: [String: Any]])
      // One token follows another with the most probability.
      let match = try #require(tasks["any"]?["exactMatch"] as? Double)
      #expect(abs(match - 1.0 / 58) < 1e-12)
      #expect(tasks["which"]?["accuracyError"] is NSNull)
    }
    let examples = try String(decoding: directory.read("examples.jsonl"), as: UTF8.self)
      .split(separator: "\n").map { try object($0) }
    #expect(examples.count == 2 * 59)
    #expect(examples[57]["line"] as? Int == 58)
  }

  @Test("evaluate says what it would take, and what is wrong") func plan() throws {
    let plan = try SluiceProcess.run([
      "evaluate", directory("base"), "--tasks", directory("any.jsonl"), "--dry-run",
    ])
    #expect(plan.exitCode == 0 && plan.output.contains("58 examples, answers"))
    try directory.write("{\"prompt\":[1],\"answer\":[61]}", to: "range.jsonl")
    let range = try SluiceProcess.run([
      "evaluate", directory("base"), "--tasks", directory("range.jsonl"),
    ])
    #expect(range.exitCode == 65)
    #expect(range.errors.contains("range.jsonl: line 1: the token id 61 is out of range"))
    #expect(try SluiceProcess.run(["evaluate", directory("base")]).exitCode == 64)
    let small = try SluiceProcess.run([
      "evaluate", directory("base"), "--tasks", directory("any.jsonl"), "--memory", "1kB",
    ])
    #expect(small.exitCode == 64 && small.errors.contains("hint: Give --memory"))
  }

  @Test("collect writes files that a merge reads") func collect() throws {
    try directory.write("[1,5,9,33]\n[4,8,15,16,23,42]", to: "texts.jsonl")
    let collected = try SluiceProcess.run([
      "collect", directory("tuned"), "--texts", directory("texts.jsonl"), "--norms",
      directory("norms"), "--json",
    ])
    #expect(collected.exitCode == 0, "\(collected.errors)")
    let merged = try SluiceProcess.run([
      "merge", "--base", directory("base"), "--model", "t=\(directory("tuned"))", "--prune",
      "wanda", "--merge", "sum", "--activations", "t=\(directory("norms"))", "--out",
      directory("out"), "--quiet",
    ])
    #expect(merged.exitCode == 0, "\(merged.errors)")
    let nothing = try SluiceProcess.run([
      "collect", directory("tuned"), "--texts", directory("texts.jsonl"),
    ])
    #expect(nothing.exitCode == 64 && nothing.errors.contains("nothing is to be collected"))
  }

  @Test("search scores candidates itself, and goes on with what it scored") func search() throws {
    let arguments = [
      "search", directory("dppa.yaml"), "--task-files", directory("any.jsonl"), "--out",
      directory("found"), "--bound", "1.2", "--json", "--evaluate-merge",
    ]
    let first = try SluiceProcess.run(arguments)
    #expect(first.exitCode == 0, "\(first.errors)")
    // Candidates were computed together and never written, and score as their models do.
    let evaluated = first.errors.split(separator: "\n").filter { $0.contains("\"evaluated\"") }
    #expect(try evaluated.allSatisfy { try object($0)["makingSeconds"] as? Double == 0 })
    #expect(evaluated.count > 3)
    let found = try object(
      Substring(String(decoding: directory.read("found/search.json"), as: UTF8.self)))
    let alone = try SluiceProcess.run([
      "evaluate", directory("found/recipe.yaml"), "--tasks", directory("any.jsonl"), "--json",
    ])
    let own = try object(Substring(alone.output))["tasks"] as? [String: [String: Any]]
    let merged = (found["merged"] as? [String: Any])?["tasks"] as? [String: Double]
    #expect(merged?["any"] != nil)
    #expect(merged?["any"] == own?["any"]?["score"] as? Double)
    let second = try SluiceProcess.run(arguments)
    #expect(second.exitCode == 0 && !second.errors.contains("\"evaluated\""))
    let both = try SluiceProcess.run(arguments + ["--evaluator", "true {model}"])
    #expect(both.exitCode == 64)
  }

  @Test("search finds numbers that a recipe marks, for the merge itself") func marks() throws {
    try directory.write(
      """
      merge_method: dare_ties
      base_model: \(directory("base"))
      models:
        t: {path: \(directory("tuned")), parameters: {weight: {search: [0, 1]}}}
      parameters: {pruning-rate: {search: [0.2, 0.8, 0.2]}}
      """, to: "marked.yaml")
    let arguments = [
      "search", directory("marked.yaml"), "--task-files", directory("any.jsonl"), "--out",
      directory("numbers"), "--strategy", "joint", "--evaluations", "5", "--json",
    ]
    let first = try SluiceProcess.run(arguments)
    #expect(first.exitCode == 0, "\(first.errors)")
    #expect(first.errors.split(separator: "\n").count { $0.contains("\"evaluated\"") } == 5)
    let found = try object(
      Substring(String(decoding: directory.read("numbers/search.json"), as: UTF8.self)))
    #expect(
      found["numbers"] as? [String] == ["models.t.parameters.weight", "parameters.pruning-rate"])
    let plan = try SluiceProcess.run(["plan", directory("numbers/recipe.yaml")])
    #expect(plan.exitCode == 0, "\(plan.errors)")
    let second = try SluiceProcess.run(arguments)
    #expect(second.exitCode == 0 && !second.errors.contains("\"evaluated\""))
    let alone = try SluiceProcess.run(["run", directory("marked.yaml"), "--out", directory("no")])
    #expect(alone.exitCode == 64 || alone.exitCode == 65)
  }
}
