import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// A method's bytes do not depend on how tensors are divided: strips and chunks of one grain, which
/// cut rows in two, against whole tensors.
@Suite("No method depends on the division of tensors") struct DivisionTests {
  private static let cases: [(name: String, set: @Sendable (inout ReferenceOptions) -> Void)] = [
    ("dare", { $0.prune = .dare }),
    (
      "dare, l1",
      {
        $0.prune = .dare; $0.rescale = .l1
      }
    ),
    ("wanda", { $0.prune = .wanda }),
    (
      "arxiv",
      {
        $0.prune = .dp; $0.rates = .arxiv
      }
    ),
    (
      "magnitude by row, row-l2",
      {
        $0.prune = .magnitude; $0.keepsByRow = true; $0.rescale = .rowL2; $0.rowFactor = 1.3
      }
    ),
    (
      "dare, row-l2",
      {
        $0.prune = .dare; $0.rescale = .rowL2
      }
    ),
    (
      "dp, row-l2",
      {
        $0.prune = .dp; $0.rescale = .rowL2
      }
    ),
    (
      "dp, compensated",
      {
        $0.prune = .dp; $0.ownRank = 8
      }
    ),
    (
      "magnitude by row, compensated",
      {
        $0.prune = .magnitude; $0.keepsByRow = true; $0.ownRank = 16
      }
    ),
    (
      "own-regmean",
      {
        $0.prune = .none; $0.merge = .ownRegMean; $0.ownRank = 8
      }
    ),
    (
      "dare, compensated, a share of directions",
      {
        $0.prune = .dare; $0.ownRank = 128; $0.ownPercent = 40
      }
    ),
    (
      "own-regmean, sparse and compensated, a share of directions",
      {
        $0.prune = .none; $0.merge = .ownRegMean; $0.blendRate = 0.8; $0.compensatesBlends = true
        $0.ownRank = 128; $0.ownPercent = 40
      }
    ),
    (
      "own-regmean, sparse",
      {
        $0.prune = .none; $0.merge = .ownRegMean; $0.ownRank = 8; $0.blendRate = 0.8
      }
    ),
    (
      "own-regmean, sparse and compensated",
      {
        $0.prune = .none; $0.merge = .ownRegMean; $0.ownRank = 24; $0.blendRate = 0.8
        $0.compensatesBlends = true
      }
    ),
    (
      "original TIES",
      {
        $0.prune = .none; $0.flavor = .original
      }
    ),
    (
      "mergekit's TIES",
      {
        $0.prune = .none; $0.flavor = .mergekit; $0.density = 0.3
      }
    ),
  ]

  @Test("strips, chunks and lanes", arguments: cases.indices)
  func division(index: Int) throws {
    let dtype: DType = index % 2 == 0 ? .bf16 : .f32
    var spec = FamilySpec(seed: 8, fineTunes: [.init("a", dtype: dtype), .init("b", dtype: dtype)])
    spec.baseDType = dtype
    (spec.hiddenSize, spec.intermediateSize, spec.vocabularySize) = (100, 777, 11)
    (spec.headCount, spec.keyValueHeadCount, spec.headSize) = (1, 1, 4)
    spec.layerCount = 1
    let family = spec.build()
    var options = ReferenceOptions()
    DivisionTests.cases[index].set(&options)
    for tuned in family.fineTuned where options.prune == .wanda {
      for tensor in family.base.tensors {
        options.norms[tuned.name, default: [:]][tensor.name] =
          (0..<(tensor.shape.dimensions.last ?? 0)).map { Float($0 % 7) }
      }
    }
    let merge = TinyMerge(family, options: options)
    var coarse = RunOptions(threads: 1)
    coarse.io = .pread
    var fine = RunOptions(threads: 3)
    fine.stripElements = Granularity.grainElements
    fine.chunkElements = Granularity.grainElements
    let whole = try merge.run(run: coarse).model
    let divided = try merge.run(run: fine).model
    for tensor in whole.tensors {
      try #require(divided[tensor.name]).expectSameBytes(as: tensor)
    }
  }
}
