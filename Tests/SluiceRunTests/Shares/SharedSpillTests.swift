import SluiceCore
import SluiceFormats
import SluiceRecipe
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun

@Suite("Shares whose surveys keep what merges need")
struct SharedSpillTests {
  /// Where attempts at the survey of a share left frames.
  private func frames(_ run: SharedRun, share: Int) throws -> [String] {
    try (run.folder.attempts(.survey)[share] ?? []).map { "\($0)/\(RunFile.spill)" }.filter {
      try FileStatus.of($0) != nil
    }
  }

  @Test(
    "have the bytes and the report of one machine that spills",
    arguments: [("dppa", DType.bf16), ("dppa", .f32), ("dppa-arxiv", .f32)])
  func sameBytes(pipeline: String, dtype: DType) throws {
    for (seed, codec) in [FrameCodec.none, .zstd(), .lz4].enumerated() {
      let merge = try ResumableMerge(pipeline: pipeline, dtype: dtype, spill: .on(codec)) {
        recipe, _ in
        if pipeline != "dppa" { recipe.method.tiesFlavor = .original }
      }
      let shared = SharedMerge(merge, shareCount: [1, 3, 7][seed])
      let differences = try shared.differences(seed: UInt64(seed), kills: 2)
      #expect(differences == [], "\(codec.label)")
    }
  }

  /// A run of two shares that are surveyed, each by one process.
  private func surveyed() throws -> (ResumableMerge, SharedMerge) {
    let merge = try ResumableMerge(pipeline: "dppa", spill: .on(.none))
    let shared = SharedMerge(merge, shareCount: 2)
    try shared.prepare()
    for share in 0..<2 {
      #expect(try ShareWork(shared.plan(0, share: share), .survey, share: share).run() == .done)
    }
    try ShareReduction(shared.plan(0), .survey).run()
    return (merge, shared)
  }

  @Test("leave frames in the directory of one attempt, and read them in the place of the models")
  func frames() throws {
    let (merge, shared) = try surveyed()
    defer { withExtendedLifetime(merge) {} }
    let plan = try shared.plan(1, share: 0)
    let path = try #require(try frames(plan.run, share: 0).first)
    #expect(try frames(plan.run, share: 0).count == 1)
    // Whoever comes when all is done adds nothing.
    #expect(try ShareWork(plan, .survey, share: 0).run() == .wasDone)
    #expect(try frames(plan.run, share: 0) == [path])
    var bytes = try InputFile.contents(of: path, byteLimit: 1 << 24)
    let whole = bytes
    bytes[bytes.count / 3] ^= 1
    try AtomicFile.write(bytes, to: path)
    let error = #expect(throws: FormatError.self) {
      _ = try ShareWork(plan, .merge, share: 0).run()
    }
    #expect(error?.failure.subject.file == path)
    try AtomicFile.write(whole, to: path)
    #expect(try ShareWork(plan, .merge, share: 0).run() == .done)
  }

  @Test("are refused by name where frames are gone, and mended by another survey")
  func gone() throws {
    let (merge, shared) = try surveyed()
    defer { withExtendedLifetime(merge) {} }
    let plan = try shared.plan(1, share: 1)
    let path = try #require(try frames(plan.run, share: 1).first)
    try Directory.removeFile(path)
    let error = #expect(throws: PipelineError.self) {
      _ = try ShareWork(plan, .merge, share: 1).run()
    }
    #expect(error?.failure.exitCode == .badInput)
    #expect(error?.failure.subject.file == path)
    try Directory.removeFile(plan.folder.done(.survey, 1))
    #expect(try ShareWork(plan, .survey, share: 1).run() == .done)
    #expect(try ShareWork(plan, .merge, share: 1).run() == .done)
    #expect(try ShareWork(shared.plan(0, share: 0), .merge, share: 0).run() == .done)
    #expect(try ShareFinish(shared.plan(0)).run() != nil)
    let files = try merge.files(of: "shared")
    for (name, content) in merge.expected where name.hasSuffix(".safetensors") {
      #expect(files[name] == content)
    }
  }
}
