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
    "mergekit-della", "mergekit-della-linear", "ties-original", "dppa-arxiv", "dppa-code", "owl",
    "dp-owl", "wanda", "sparsegpt", "sparsegpt-delta", "regmean", "own-regmean",
    "own-regmean-sparse", "own-regmean-compensated", "compensated", "compensated-dppa",
    "own-regmean-energy", "own-regmean-all", "compensated-energy",
    "drop-after-mask", "dare-then-dp",
    "adamerging", "mergekit-nuslerp", "mergekit-arcee-fusion", "mergekit-sce",
  ]

  @Test(
    "of all barriers, have the bytes and the report of one machine", arguments: [DType.bf16, .f32])
  func barriers(dtype: DType) throws {
    for pipeline in ["dppa", "dppa-arxiv", "dare-l1"] {
      try compare(
        try ResumableMerge(pipeline: pipeline, dtype: dtype) { recipe, _ in
          recipe.method.tiesFlavor = .original
        })
    }
  }

  @Test("have the bytes and the report of one machine", arguments: pipelines, [DType.bf16, .f32])
  func schedules(pipeline: String, dtype: DType) throws {
    let isSolved = [
      "sparsegpt", "sparsegpt-delta", "regmean", "own-regmean-all",
    ].contains(pipeline)
    try compare(
      try ResumableMerge(
        pipeline: pipeline, dtype: dtype, intermediateSize: isSolved ? 96 : 2800))
  }

  private func compare(_ merge: ResumableMerge) throws {
    for seed in 0..<8 {
      let shares = [1, 2, 3, 7, 16, 64][seed % 6]
      let shared = SharedMerge(merge, as: "shared-\(seed)", shareCount: shares)
      let differences = try shared.differences(seed: UInt64(seed), kills: 1 + seed % 5)
      #expect(differences == [], "\(shares) shares, seed \(seed)")
    }
  }
}
