import Foundation
import SluiceCore
import SluiceTestSupport
import Testing

@testable import SluiceCommand

@Suite("Commands")
struct CommandTests {
  @Test("merge writes a checkpoint with its mode by the umask, and a summary to standard output")
  func merge() throws {
    let directory = try FamilyDirectory()
    let result = try SluiceProcess.run(directory.mergeArguments())
    #expect(result.exitCode == 0)
    let merged = try TinyModel.read(directory.path + "/out")
    let reference = try referenceMerge(
      base: directory.family.base, fineTuned: directory.family.fineTuned,
      options: ReferenceOptions())
    for tensor in reference.tensors { #expect(merged[tensor.name]?.bytes == tensor.bytes) }
    // The row of each model: its layers, the rate that was asked for, the one achieved, what is kept.
    let rows = result.output.split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    for model in reference.models {
      let elements = model.rows.reduce(0) { $0 + $1.statistics.elements }
      let kept = model.rows.reduce(0) { $0 + $1.kept.reduce(0, +) }
      let achieved = String(format: "%.2f", 100 * (1 - Double(kept) / Double(elements)))
      let digits = String(String(kept).reversed())
      let grouped = stride(from: 0, to: digits.count, by: 3).map {
        String(digits.dropFirst($0).prefix(3).reversed())
      }.reversed().joined(separator: " ")
      let row = "\(model.name) \(model.rows.count) 80.00 % \(achieved) % \(grouped)"
      #expect(rows.contains(row), "\(row) in \(rows)")
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path + "/out")
    #expect(Set(names).isSuperset(of: ["model.safetensors", "config.json", "sluice-report.json"]))
    #expect(!names.contains(".sluice"))
    let mask = umask(0)
    umask(mask)
    for name in names {
      let attributes = try FileManager.default.attributesOfItem(
        atPath: directory.path + "/out/" + name)
      #expect((attributes[.posixPermissions] as? NSNumber)?.uint32Value == 0o666 & ~mask)
    }
  }

  @Test(
    "the summary says of each method what it has to say, and what comes next",
    arguments: [
      ("dppa", ["linear layers", "requested", "pruned", "kept"], ["weight", "factors"]),
      ("dare", ["requested", "dropped at random", "kept"], ["linear layers", "pruned"]),
      (
        "none", ["all changes of all models were merged", "change", "elected sign"],
        ["requested", "pruned", "kept"]
      ),
    ])
  func summaries(prune: String, words: [String], missing: [String]) throws {
    let directory = try FamilyDirectory()
    let result = try SluiceProcess.run(
      directory.mergeArguments(["--prune", prune, "--quiet", "--weight"])
        + ["\(directory.family.fineTuned[0].name)=1"])
    #expect(result.exitCode == 0, "\(result.errors)")
    let elements = directory.family.base.tensors.reduce(0) { $0 + $1.shape.elementCount }
    #expect(result.output.hasPrefix("merged \(NumberFormat.grouped(elements)) parameters into "))
    for word in words { #expect(result.output.contains(word), "\(word)") }
    for word in missing { #expect(!result.output.contains(word), "\(word)") }
    #expect(
      result.output.hasSuffix(
        "next: sluice report \(directory.path)/out --html \(directory.path)/out.html\n"))
  }

  @Test("--json writes one object a line: events to standard error, the result to standard output")
  func json() throws {
    let directory = try FamilyDirectory()
    let result = try SluiceProcess.run(directory.mergeArguments(["--json"]))
    #expect(result.exitCode == 0)
    let done = try #require(object(result.output))
    #expect(done["event"] as? String == "done")
    #expect(done["report"] as? String == directory.path + "/out/sluice-report.json")
    let events = result.errors.split(separator: "\n").map { object(String($0)) }
    #expect(!events.isEmpty && events.allSatisfy { $0?["event"] is String })
    let report = try #require(
      object(
        try String(contentsOfFile: directory.path + "/out/sluice-report.json", encoding: .utf8)))
    #expect(report["version"] as? Int == 1)
    let models = try #require(report["models"] as? [[String: Any]])
    #expect(models.count == directory.family.fineTuned.count)
    for model in models {
      let names = (model["tensors"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
      #expect(
        !names.isEmpty && names == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }
  }

  @Test("inspect lists the tensors") func inspect() throws {
    let directory = try FamilyDirectory()
    let text = try SluiceProcess.run(["inspect", directory.path + "/base"])
    #expect(text.exitCode == 0 && text.output.contains("header and index are sound"))
    let json = try SluiceProcess.run(["inspect", "--json", directory.path + "/base"])
    let tensors = try #require(object(json.output)?["tensors"] as? [[String: Any]])
    #expect(
      Set(tensors.compactMap { $0["name"] as? String })
        == Set(directory.family.base.tensors.map(\.name)))
  }

  @Test("demo needs nothing and leaves nothing") func demo() throws {
    let result = try SluiceProcess.run(["demo"])
    #expect(result.exitCode == 0)
    #expect(result.output.contains("linear layer of math"))
    let line = try #require(result.output.split(separator: "\n").first)
    let path = try #require(line.split(separator: " ").last)
    #expect(path.contains("sluice-demo") && !FileManager.default.fileExists(atPath: String(path)))
  }

  private func object(_ text: String) -> [String: Any]? {
    try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
  }
}
