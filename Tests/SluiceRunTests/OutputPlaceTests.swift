import Foundation
import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Where the output may be") struct OutputPlaceTests {
  private let merge = TinyMerge(FamilySpec.random(seed: 4).build())

  private func run(_ recipe: MergeRecipe, to output: String) throws -> Data {
    let plan = try MergePlan(recipe, options: RunOptions(threads: 1))
    _ = try MergeRun(plan, output: output).execute()
    return try Data(contentsOf: URL(fileURLWithPath: output + "/model.safetensors"))
  }

  @Test("inside an input, on another file system, beside read-only inputs: always the same bytes")
  func places() throws {
    let directory = try ScratchDirectory(in: ScratchDirectory.diskRoot)
    try merge.write(to: directory)
    let recipe = try merge.recipe(in: directory)
    let manager = FileManager.default
    for model in [recipe.base] + recipe.models.map(\.path) {
      for name in try manager.contentsOfDirectory(atPath: model) {
        try manager.setAttributes([.posixPermissions: 0o444], ofItemAtPath: model + "/" + name)
      }
      try manager.setAttributes([.posixPermissions: 0o555], ofItemAtPath: model)
    }
    let before = try DirectorySnapshot(directory.path)
    let expected = try run(recipe, to: directory("out"))
    let memory = "/dev/shm/sluice-test-" + UUID().uuidString
    defer { try? manager.removeItem(atPath: memory) }
    #expect(try run(recipe, to: memory) == expected)
    #expect(try run(recipe, to: directory("deep/er/out")) == expected)
    try manager.removeItem(atPath: directory("out"))
    try manager.removeItem(atPath: directory("deep"))
    #expect(try DirectorySnapshot(directory.path) == before)
    for model in [recipe.base] + recipe.models.map(\.path) {
      try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: model)
    }
    #expect(try run(recipe, to: recipe.base + "/merged") == expected)
    #expect(try DirectorySnapshot(recipe.base).names.isSuperset(of: ["merged/model.safetensors"]))
  }

  @Test("an output that is an input, or holds one by a link, is refused and left as it is")
  func outputIsInput() throws {
    let directory = try ScratchDirectory()
    let manager = FileManager.default
    for model in ["base", "math"] {
      try manager.createDirectory(atPath: directory(model), withIntermediateDirectories: true)
      try manager.copyItem(
        atPath: TorchFixtures.path("contiguous/\(model)/pytorch_model.bin"),
        toPath: directory("\(model)/pytorch_model.bin"))
      try Data("{}".utf8).write(to: URL(fileURLWithPath: directory("\(model)/config.json")))
    }
    try manager.createSymbolicLink(
      atPath: directory("alias"), withDestinationPath: directory("math"))
    try manager.createDirectory(atPath: directory("links"), withIntermediateDirectories: true)
    try manager.createSymbolicLink(
      atPath: directory("links/notes.txt"), withDestinationPath: "../base/pytorch_model.bin")
    try manager.createDirectory(atPath: directory("hard"), withIntermediateDirectories: true)
    try manager.linkItem(
      atPath: directory("base/pytorch_model.bin"), toPath: directory("hard/copy"))
    let rate = try #require(PruningRate(0.5))
    let recipe = MergeRecipe(
      base: directory("base"), models: [.init(name: "math", path: directory("math"))],
      method: .init(pruningRate: rate))
    let before = try DirectorySnapshot(directory.path)
    for (output, found) in [
      ("base", "pytorch_model.bin"), ("math", "pytorch_model.bin"), ("alias", "pytorch_model.bin"),
      ("links", "notes.txt"), ("hard", "copy"),
    ] {
      let error = #expect(throws: PipelineError.self) { try run(recipe, to: directory(output)) }
      #expect(
        error?.failure.message == "the output directory holds \(found), an input of this merge")
      #expect(error?.failure.exitCode == .usage)
    }
    #expect(try DirectorySnapshot(directory.path) == before)
  }

  @Test("a place that cannot be made is an error that names it")
  func impossible() throws {
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let recipe = try merge.recipe(in: directory)
    try Data([1]).write(to: URL(fileURLWithPath: directory("file")))
    let before = try DirectorySnapshot(directory.path)
    for place in ["/proc/sluice/out", directory("file/out"), directory("file")] {
      let error = #expect(throws: (any Error).self) { try run(recipe, to: place) }
      let failure = try #require((error as? any SluiceError)?.failure)
      #expect([.inputOutput, .usage, .badInput].contains(failure.exitCode), "\(place): \(failure)")
      #expect(failure.subject.file.map { place.hasPrefix($0) } == true, "\(failure)")
    }
    #expect(try DirectorySnapshot(directory.path) == before)
  }

  @Test("links that lead out of the base are not copied, those in a hub cache are")
  func sideFileLinks() throws {
    let directory = try ScratchDirectory()
    let manager = FileManager.default
    try merge.write(to: directory)
    try Data("secret".utf8).write(to: URL(fileURLWithPath: directory("secret")))
    let snapshot = directory("models--x/snapshots/1")
    for path in [snapshot, directory("models--x/blobs")] {
      try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    for name in ["model.safetensors", "config.json"] {
      try manager.moveItem(
        atPath: directory("base/\(name)"), toPath: directory("models--x/blobs/\(name)"))
      try manager.createSymbolicLink(
        atPath: "\(snapshot)/\(name)", withDestinationPath: "../../blobs/\(name)")
    }
    try Data("t".utf8).write(to: URL(fileURLWithPath: directory("models--x/blobs/t")))
    for (name, target) in [
      ("tokenizer.json", "../../blobs/t"), ("vocab.txt", "tokenizer.json"),
      ("merges.txt", directory("secret")), ("notes.txt", "../../../secret"),
      ("gone.txt", "nowhere"),
    ] {
      try manager.createSymbolicLink(atPath: "\(snapshot)/\(name)", withDestinationPath: target)
    }
    var recipe = try merge.recipe(in: directory)
    recipe.base = snapshot
    let plan = try MergePlan(recipe, options: RunOptions(threads: 1))
    let warned = plan.warnings.filter { $0.message.contains("leads out of the checkpoint") }
    #expect(
      Set(warned.compactMap(\.subject.file)) == ["\(snapshot)/merges.txt", "\(snapshot)/notes.txt"])
    let report = try MergeRun(plan, output: directory("out")).execute()
    #expect(report.copiedFiles == ["config.json", "tokenizer.json", "vocab.txt"])
    #expect(!manager.fileExists(atPath: directory("out/merges.txt")))
  }
}
