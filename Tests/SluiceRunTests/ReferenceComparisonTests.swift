import SluiceCore
import SluiceKernels
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// Whole merges, written by the product, against the scalar reference, bit for bit.
@Suite("Whole merges equal the scalar reference")
struct ReferenceComparisonTests {
  @Test("random families with random options", arguments: 0..<2)
  func randomFamily(seed: Int) throws {
    let family = FamilySpec.random(seed: UInt64(seed)).build()
    var random = RepeatableGenerator(seed: UInt64(1000 + seed))
    let merge = TinyMerge(family, options: TinyMerge.randomOptions(for: family, using: &random))
    try merge.expectEqualToReference(
      layout: ShardingLayout.samples[seed % ShardingLayout.samples.count],
      run: TinyMerge.randomRun(using: &random))
  }

  @Test("every number of partitions from 1 to 9", arguments: 1...9)
  func partitions(count: Int) throws {
    let family = FamilySpec.random(seed: UInt64(50 + count)).build()
    var options = ReferenceOptions()
    options.pruningRate = [0.95, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1][count - 1]
    #expect(Reference.partitionRates(from: options.pruningRate, width: 0.1).count == count)
    options.amplify = [family.fineTuned[0].name: (0..<count).map { 1 + 0.1 * Double($0) }]
    try TinyMerge(family, options: options).expectEqualToReference()
  }

  @Test("every tie rule, with the paper's and the code's combination", arguments: TieBreak.allCases)
  func tieRules(rule: TieBreak) throws {
    for (seed, combine) in ["ring", "max"].enumerated() {
      var spec = FamilySpec.random(seed: UInt64(70 + seed))
      spec.fineTunes = [FamilySpec.FineTune("a", dtype: .bf16, drift: .light)]
      var options = ReferenceOptions()
      options.tieBreak = try #require(.init(rawValue: rule.rawValue))
      options.combine = try #require(.init(rawValue: combine))
      options.amplify = ["a": [1.1, 1.3]]
      try TinyMerge(spec.build(), options: options).expectEqualToReference()
    }
  }

  @Test("rate 0, factor 1 and one model give back the fine-tune", arguments: [DType.bf16, .f16])
  func identity(dtype: DType) throws {
    var spec = FamilySpec.random(seed: 90)
    spec.baseDType = dtype
    spec.fineTunes = [FamilySpec.FineTune("a", dtype: dtype, drift: .heavy)]
    let family = spec.build()
    var options = ReferenceOptions()
    options.pruningRate = 0
    let merged = try TinyMerge(family, options: options).run()
    for tensor in family.fineTuned[0].model.tensors where tensor.dtype == dtype {
      let result = try #require(merged.model[tensor.name])
      // Only the sign of a zero is lost: base + (tuned - base) cannot tell -0 from +0.
      let expected = tensor.withPositiveZeros
      result.expectSameBytes(as: expected)
    }
  }
}
