import SluiceCore
import SluiceFormats
import SluiceKernels
import SluiceMethods
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun

@Suite("Merges in shares")
struct SharedMergeTests {
  private static let pipelines = [
    "average", "dare-l1", "ties-mergekit", "uniform", "attention-and-mlp", "mergekit-della-linear",
  ]

  @Test(
    "have the bytes and the report of one machine, each share done twice at once, after kills",
    arguments: pipelines)
  func sameBytes(pipeline: String) throws {
    let merge = try ResumableMerge(pipeline: pipeline)
    for shares in [1, 2, 3, 7] {
      let shared = SharedMerge(merge, as: "shared-\(shares)", shareCount: shares)
      #expect(try shared.differences(seed: UInt64(shares), kills: 2) == [], "\(shares) shares")
    }
  }

  @Test("of F32 weights, which are looked into again at the barrier and behind it")
  func refined() throws {
    let merge = try ResumableMerge(pipeline: "dppa", dtype: .f32)
    #expect(try SharedMerge(merge, shareCount: 5).differences(seed: 1, kills: 2) == [])
  }

  @Test("of all barriers: rates of blocks, the trim and the majority of the original TIES")
  func barriers() throws {
    let merge = try ResumableMerge(pipeline: "dppa-arxiv") { recipe, _ in
      recipe.method.tiesFlavor = .original
    }
    let shared = SharedMerge(merge, shareCount: 3)
    #expect(try shared.differences(seed: 1, kills: 1) == [])
    let plan = try MergePlan(merge.recipe, options: merge.options)
    #expect(
      SharePhase.phases(of: plan.tensors.passes) == [
        .survey, .trim, .threshold, .majority, .merge,
      ])
  }

  @Test(
    "whose layers are solved for, and whose report says what that left",
    arguments: ["sparsegpt", "own-regmean-all"])
  func solved(pipeline: String) throws {
    let merge = try ResumableMerge(pipeline: pipeline, intermediateSize: 96)
    #expect(try SharedMerge(merge, shareCount: 3).differences(seed: 1, kills: 1) == [])
  }

  /// A transform that only the process knows that was given it.
  private struct Idle: DeltaTransform {
    let name = "idle"
    let scope = TransformScope.linear

    func makeLane(model: Int, kernels: Kernels) -> any LaneTransform { Lane() }

    private final class Lane: LaneTransform {
      func begin(_ strip: Strip, statistics: [Double]) {}
      func apply(to block: DeltaTile) {}
    }
  }

  @Test("that cannot be divided are refused by what is in the way")
  func refused() throws {
    let merge = try ResumableMerge(pipeline: "average", intermediateSize: 96) { recipe, _ in
      recipe.stages.transforms = [
        PlacedTransform(IdentifiedStage(Idle(), name: "idle"), after: .delta)
      ]
    }
    let error = #expect(throws: PipelineError.self) {
      _ = try SharedMerge(merge, shareCount: 2).prepare()
    }
    #expect(error?.failure.exitCode == .usage)
    #expect(
      error?.failure.message
        == "this merge cannot be done in shares: it has stages of its own, which only the process "
        + "that was given them can run")
    #expect(try FileStatus.of(merge.output("shared")) == nil)
  }

  @Test("can be prepared, put together and finished as often as one likes")
  func repeated() throws {
    let merge = try ResumableMerge(pipeline: "dppa")
    let shared = SharedMerge(merge, shareCount: 2)
    var random = RepeatableGenerator(seed: 4)
    try shared.prepare()
    guard case .wasPrepared = try shared.prepare() else {
      Issue.record("the same was prepared twice")
      return
    }
    let plan = try shared.plan(0)
    // Nothing is put together of what is not there.
    let early = #expect(throws: PipelineError.self) { try ShareReduction(plan, .survey).run() }
    #expect(early?.failure.exitCode == .stopped)
    #expect(early?.failure.message == "the phase survey is not done of 2 of 2 shares: 0-1")
    let tooEarly = #expect(throws: PipelineError.self) {
      try ShareWork(plan, .merge, share: 1).run()
    }
    #expect(tooEarly?.failure.exitCode == .stopped)
    try shared.run(.survey, using: &random)
    for _ in 0..<2 { try ShareReduction(plan, .survey).run() }
    #expect(try ShareWork(plan, .merge, share: 1).run() == .done)
    #expect(try ShareWork(plan, .merge, share: 1).run() == .wasDone)
    let unfinished = #expect(throws: PipelineError.self) { try ShareFinish(plan).run() }
    #expect(unfinished?.failure.message == "the phase merge is not done of 1 of 2 shares: 0")
    // A merge of one machine does not throw it away.
    let other = #expect(throws: PipelineError.self) { try merge.run("shared") }
    #expect(other?.failure.exitCode == .usage)
    try shared.run(.merge, using: &random)
    #expect(try ShareFinish(plan).run() != nil)
    #expect(try SharedRun.open(shared.output) == nil)
    guard case .wasFinished = try shared.prepare() else {
      Issue.record("a finished run was prepared again")
      return
    }
  }

  @Test("whose inputs changed, or which have another number of shares, are refused")
  func changed() throws {
    let merge = try ResumableMerge(pipeline: "average")
    let shared = SharedMerge(merge, shareCount: 3)
    try shared.prepare()
    let other = #expect(throws: PipelineError.self) {
      _ = try SharedMerge(merge, shareCount: 4).prepare()
    }
    #expect(other?.failure.message == "it was prepared with --shares 3")
    // The time of a file is nothing: its content is.
    let path = "\(merge.recipe.models[0].path)/model.safetensors"
    let bytes = try InputFile.contents(of: path, byteLimit: 1 << 24)
    try AtomicFile.write(bytes, to: path)
    let shares = try shared.plan(0).shares.count
    #expect(shares == 3)
    var changed = bytes
    let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    changed[8 + header] ^= 1
    try AtomicFile.write(changed, to: path)
    let error = #expect(throws: PipelineError.self) { _ = try shared.plan(0) }
    #expect(error?.failure.exitCode == .badInput)
    #expect(error?.failure.message.contains("the inputs changed") == true)
  }

  /// A run of two shares, both of which are done.
  private func merged() throws -> (ResumableMerge, SharedPlan) {
    let merge = try ResumableMerge(pipeline: "average")
    let shared = SharedMerge(merge, shareCount: 2)
    var random = RepeatableGenerator(seed: 4)
    try shared.prepare()
    try shared.run(.merge, using: &random)
    return (merge, try shared.plan(0))
  }

  @Test("find what a share left cut off, or another's, and are mended by doing it again")
  func damaged() throws {
    let (merge, plan) = try merged()
    defer { withExtendedLifetime(merge) {} }
    let path = plan.folder.done(.merge, 1)
    let bytes = try InputFile.contents(of: path, byteLimit: 1 << 24)
    let other = try InputFile.contents(of: plan.folder.done(.merge, 0), byteLimit: 1 << 24)
    var flipped = bytes
    flipped[bytes.count / 2] ^= 1
    for wrong in [flipped, Array(bytes.dropLast()), Array(bytes.prefix(bytes.count / 2))] {
      try AtomicFile.write(wrong, to: path)
      let error = #expect(throws: PipelineError.self) { _ = try ShareFinish(plan).run() }
      #expect(error?.failure.exitCode == .badInput)
      #expect(error?.failure.message.contains("its records end too early") == true)
    }
    // Another share's, and less than a head, are none at all.
    for wrong in [other, Array(bytes.prefix(31)), []] {
      try AtomicFile.write(wrong, to: path)
      let error = #expect(throws: PipelineError.self) { _ = try ShareFinish(plan).run() }
      #expect(error?.failure.exitCode == .stopped)
    }
    #expect(try ShareWork(plan, .merge, share: 1).run() == .done)
    #expect(try InputFile.contents(of: path, byteLimit: 1 << 24) == bytes)
    #expect(try ShareFinish(plan).run() != nil)
  }

  @Test("stop where two records of one strip disagree, and name the attempt")
  func disagreement() throws {
    let (merge, plan) = try merged()
    defer { withExtendedLifetime(merge) {} }
    let folder = plan.folder
    let attempt = folder.newAttempt(.merge, 1)
    try Directory.create(attempt)
    let owner = folder.owner(.merge, share: 1)
    let strip = plan.shares[1].strips[0]
    let header = JournalFormat.header(manifest: owner)
    let records = [
      MergeWork.record(0, RunCosts()),
      JournalRecord(UnitKey(.merge, strip), body: [UInt8](repeating: 7, count: 16)),
    ]
    var journal = header
    for record in records { journal += JournalFormat.encode(record, at: journal.count) }
    try AtomicFile.write(journal, to: "\(attempt)/journal")
    let error = #expect(throws: PipelineError.self) { try ShareFinish(plan).run() }
    #expect(error?.failure.exitCode == .internal)
    #expect(error?.failure.subject.file == attempt)
  }
}
