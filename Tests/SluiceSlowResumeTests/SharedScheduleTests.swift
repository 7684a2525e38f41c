import SluiceCore
import SluiceTestSupport
import Testing

/// What the fast tests do with a few numbers of shares and one seed each, with many.
@Suite("Shares in any order, twice at once, with many ends")
struct SharedScheduleTests {
  private static let pipelines = [
    "average", "task-arithmetic", "attention-and-mlp", "magnitude", "dp", "dppa",
    "dare-l1", "dare-ties", "ties-mergekit", "ties-only", "uniform", "lm-cocktail",
    "magnitude-rows", "mergekit-linear", "mergekit-ties",
    "mergekit-breadcrumbs",
    "mergekit-della", "mergekit-della-linear",
  ]

  @Test("have the bytes and the report of one machine", arguments: pipelines, [DType.bf16, .f32])
  func schedules(pipeline: String, dtype: DType) throws {
    let merge = try ResumableMerge(pipeline: pipeline, dtype: dtype)
    for seed in 0..<8 {
      let shares = [1, 2, 3, 7, 16, 64][seed % 6]
      let shared = SharedMerge(merge, as: "shared-\(seed)", shareCount: shares)
      #expect(
        try shared.differences(seed: UInt64(seed), kills: 1 + seed % 5) == [],
        "\(shares) shares, seed \(seed)")
    }
  }
}
