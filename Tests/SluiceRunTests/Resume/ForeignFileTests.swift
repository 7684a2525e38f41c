import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun

/// Nothing that somebody else put into an output is replaced or removed.
@Suite("Files of others in an output")
struct ForeignFileTests {
  private static let merge = Result { try ResumableMerge(in: ScratchDirectory.root) }
  private static let mine = Array("mine".utf8)

  private func put(_ names: [String], into output: String) throws {
    try Directory.create(output)
    for name in names { try AtomicFile.write(ForeignFileTests.mine, to: "\(output)/\(name)") }
  }

  private func content(_ path: String) throws -> [UInt8] {
    try InputFile.contents(of: path, byteLimit: 1 << 30)
  }

  @Test("of the names of the plan are refused together, before anything is made")
  func refused() throws {
    let merge = try ForeignFileTests.merge.get()
    let output = merge.output("taken")
    let names = ["config.json", "sluice-recipe.yaml", "adapter.safetensors"]
    try put(names + ["README.md"], into: output)
    let error = #expect(throws: PipelineError.self) { try merge.run("taken") }
    #expect(error?.failure.exitCode == .usage)
    for name in names {
      #expect(error?.failure.message.contains(name) == true)
      #expect(try content("\(output)/\(name)") == ForeignFileTests.mine)
    }
    #expect(error?.failure.message.contains("README.md") == false)
    #expect(try FileStatus.of("\(output)/.sluice") == nil)
  }

  @Test("of other names are in nobody's way")
  func others() throws {
    let merge = try ForeignFileTests.merge.get()
    try put(["README.md"], into: merge.output("beside"))
    try merge.run("beside")
    #expect(try content("\(merge.output("beside"))/README.md") == ForeignFileTests.mine)
  }

  @Test(
    "stay when a run that was giving names is begun anew, its own go", arguments: [true, false])
  func restart(replaces: Bool) throws {
    let merge = try ForeignFileTests.merge.get()
    let name = "restart-\(replaces)"
    let output = merge.output(name)
    let disk = FailingDisk(under: output, .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix(".index.json")
    }
    #expect(throws: (any Error).self) { try merge.run(name) }
    disk.end()
    let foreign = ["my-adapter.safetensors", "pytorch_model_notes.txt"]
    try put(foreign, into: output)
    if replaces {
      // Somebody put another file in the place of one of the run's.
      try AtomicFile.write(ForeignFileTests.mine, to: "\(output)/config.json")
    }
    let shards = try Directory.list(output).map(\.name).filter { $0.hasPrefix("model-") }
    #expect(shards.count > 1)
    let error = #expect(throws: PipelineError.self) {
      try merge.run(name, change: { $0.startsOver = true })
    }
    let kept = foreign + (replaces ? ["config.json"] : [])
    for name in kept {
      #expect(error?.failure.message.contains(name) == true)
      #expect(try content("\(output)/\(name)") == ForeignFileTests.mine)
    }
    #expect(try Directory.list(output).map(\.name).filter { $0 != ".sluice" } == kept.sorted())
    for name in kept { try Directory.removeFile("\(output)/\(name)") }
    try merge.run(name)
    #expect(try merge.files(of: name) == merge.expected)
  }

  @Test("that come while names are given are not replaced")
  func late() throws {
    let merge = try ForeignFileTests.merge.get()
    let output = merge.output("late")
    let disk = FailingDisk(under: output, .kill) { call, _ in
      call.kind == .rename && call.path.hasSuffix("/config.json")
    }
    #expect(throws: (any Error).self) { try merge.run("late") }
    disk.end()
    try put(["config.json"], into: output)
    #expect(throws: PipelineError.self) { try merge.run("late") }
    #expect(try content("\(output)/config.json") == ForeignFileTests.mine)
    try Directory.removeFile("\(output)/config.json")
    try merge.run("late")
    #expect(try merge.files(of: "late") == merge.expected)
  }
}
