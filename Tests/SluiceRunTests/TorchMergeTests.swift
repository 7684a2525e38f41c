import Foundation
import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Merges of PyTorch checkpoints") struct TorchMergeTests {
  @Test(
    "a merge equals that of the same weights as safetensors, byte for byte",
    arguments: TorchFixtures.families, InputMode.allCases)
  func sameBytes(family: String, mode: InputMode) throws {
    let directory = try ScratchDirectory()
    for model in ["base", "math", "law"] {
      let source = TorchFixtures.path("\(family)/\(model)/expected.safetensors")
      try FileManager.default.createDirectory(
        atPath: directory(model), withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: directory("\(model)/model.safetensors"), withDestinationPath: source)
    }
    let expected = try merge(directory("out-safetensors"), mode) { directory($0) }
    let found = try merge(directory("out-torch"), mode) { TorchFixtures.path("\(family)/\($0)") }
    #expect(found == expected)
    #expect(expected.count > 1000)
  }

  @Test("a merge may mix formats, and take single files")
  func mixedFormats() throws {
    let directory = try ScratchDirectory()
    let fixture: (String) -> String = { TorchFixtures.path("transposed/\($0)") }
    let mixed = try merge(directory("mixed"), .mmap) { model in
      fixture(model == "base" ? "base/expected.safetensors" : "\(model)/pytorch_model.bin")
    }
    let plain = try merge(directory("plain"), .pread) { fixture("\($0)/expected.safetensors") }
    #expect(mixed == plain)
  }

  /// Merges and gives the bytes of the only shard.
  private func merge(
    _ output: String, _ mode: InputMode, path: (String) -> String
  ) throws -> Data {
    var method = MethodParameters(pruningRate: try #require(PruningRate(0.5)))
    method.significanceMultiple = 2
    let models = ["math", "law"].map { MergeRecipe.Model(name: $0, path: path($0)) }
    var options = RunOptions(threads: 2)
    options.io = mode
    options.stripElements = Granularity.grainElements
    let recipe = MergeRecipe(base: path("base"), models: models, method: method)
    _ = try MergeRun(try MergePlan(recipe, options: options), output: output).execute()
    return try Data(contentsOf: URL(fileURLWithPath: output + "/model.safetensors"))
  }
}
