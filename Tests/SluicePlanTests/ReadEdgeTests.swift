import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("How chunks come from reading to working")
struct ReadEdgeTests {
  @Test(
    "is chosen by whether the inputs exceed the page cache, unless it is asked for",
    arguments: [true, false])
  func choice(exceedsCache: Bool) {
    for input in InputMode.allCases {
      let chosen = ReadEdge(.auto, input: input, exceedsCache: exceedsCache)
      #expect(chosen.isQueued == (exceedsCache || input == .direct))
      #expect(chosen.reason.contains("page cache"))
      #expect(ReadEdge(.queued, input: input, exceedsCache: exceedsCache).isQueued)
      #expect(!ReadEdge(.fused, input: input, exceedsCache: exceedsCache).isQueued)
    }
  }

  @Test("counts in the plan of the memory: six chunks of a lane instead of one")
  func memory() throws {
    let directory = try ScratchDirectory()
    let merge = TinyMerge(FamilySpec.random(seed: 5).build())
    try merge.write(to: directory)
    let recipe = try merge.recipe(in: directory)
    func plan(_ edges: RunOptions.EdgeOption, memory: ByteCount? = nil) throws -> MergePlan {
      var options = RunOptions(threads: 2)
      options.edges = edges
      if let memory { options.memory = memory }
      return try TinyMerge.plan(recipe, options)
    }
    let (fused, queued) = (try plan(.fused), try plan(.queued))
    #expect((fused.memory.chunksPerLane, queued.memory.chunksPerLane) == (1, 6))
    #expect(fused.memory.chunkBytes == queued.memory.chunkBytes)
    #expect(
      queued.memory.totalBytes - fused.memory.totalBytes == 2 * 5 * fused.memory.chunkBytes)
    // What is refused names a budget that works.
    let error = #expect(throws: PipelineError.self) {
      try plan(.queued, memory: ByteCount(100_000))
    }
    #expect(error?.failure.exitCode == .usage)
    let smallest = PlanExplanation(queued, output: directory("out"), measuresSpeed: false)
      .smallestMemory
    #expect(try plan(.queued, memory: ByteCount(smallest)).memory.totalBytes == smallest)
    #expect(try plan(.fused, memory: ByteCount(smallest)).memory.totalBytes <= smallest)
  }

  @Test("is shown in the plan, with the channel that chunks wait in")
  func explanation() throws {
    let directory = try ScratchDirectory()
    let merge = TinyMerge(FamilySpec.random(seed: 6).build())
    try merge.write(to: directory)
    var options = RunOptions(threads: 2)
    options.edges = .queued
    let plan = try TinyMerge.plan(try merge.recipe(in: directory), options)
    let shown = PlanExplanation(plan, output: directory("out"), measuresSpeed: false)
    #expect((shown.edges, shown.edgesReason) == ("queued", "as asked for"))
    for pass in shown.passes {
      #expect(pass.segments.prefix(2).map(\.node) == ["read", "lane"])
      #expect(pass.segments.prefix(2).map(\.stages.first) == ["read", "delta"])
      let channel = try #require(pass.segments[0].channel)
      #expect((channel.name, channel.count) == ("chunks", plan.memory.lanes))
      #expect(channel.byteBound == 4 * plan.memory.chunkBytes)
    }
  }
}
