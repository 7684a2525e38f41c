import Foundation
import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// Inputs that something else writes to between planning and reading, as during a run.
@Suite("Inputs that change during a run") struct ChangingInputTests {
  enum Change: CaseIterable {
    case cut, cutToNothing, cutInsidePage, grown, overwritten
  }

  @Test(
    "end it with an error that names the file, and nothing finished",
    arguments: Change.allCases, InputMode.allCases)
  func change(_ change: Change, mode: InputMode) throws {
    let directory = try ScratchDirectory()
    let merge = TinyMerge(FamilySpec.random(seed: 3).build())
    try merge.write(to: directory)
    var options = RunOptions(threads: 2)
    options.io = mode
    let recipe = try merge.recipe(in: directory)
    let plan = try MergePlan(recipe, options: options)
    let path = recipe.models[0].path + "/model.safetensors"
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    let byteCount = try handle.seekToEnd()
    switch change {
    case .cut: try handle.truncate(atOffset: byteCount / 2)
    case .cutToNothing: try handle.truncate(atOffset: 0)
    case .cutInsidePage: try handle.truncate(atOffset: byteCount - 1)
    case .grown: try handle.write(contentsOf: Data([0]))
    case .overwritten:
      try handle.seek(toOffset: byteCount - 1)
      try handle.write(contentsOf: Data([0]))
      try FileManager.default.setAttributes(
        [.modificationDate: Date.distantPast], ofItemAtPath: path)
    }
    try handle.close()
    do {
      _ = try MergeRun(plan, output: directory("out")).execute()
      Issue.record("a changed input was merged")
    } catch let error as any SluiceError {
      #expect(error.failure.exitCode == .inputOutput)
      #expect(error.failure.subject.file == path)
      #expect(error.failure.message.contains("the file changed while it was being read: "))
    }
    #expect(!FileManager.default.fileExists(atPath: directory("out/model.safetensors")))
  }
}
