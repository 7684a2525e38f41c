import SluiceCore
import SluiceTestSupport
import Testing

/// Whole merges of random families, written by the product, against the scalar reference, bit for bit:
/// the seeds that the fast tests have no time for.
@Suite("Hundreds of random merges equal the scalar reference")
struct RandomComparisonTests {
  @Test("of every method, in every type", arguments: MethodDraw.all, MethodDraw.dtypes)
  func methods(draw: MethodDraw, dtype: DType) throws {
    for seed in 1000..<1100 {
      let differences = try draw.differences(seed: seed, dtype: dtype)
      #expect(differences == [], "seed \(seed)")
    }
  }

  @Test("of families of any shape, with any options of dppa", arguments: 0..<8)
  func families(part: Int) throws {
    for seed in stride(from: part, to: 400, by: 8) {
      let family = FamilySpec.random(seed: UInt64(seed)).build()
      var random = RepeatableGenerator(seed: UInt64(1000 + seed))
      let merge = TinyMerge(family, options: TinyMerge.randomOptions(for: family, using: &random))
      let differences = try merge.differencesFromReference(
        layout: ShardingLayout.samples[seed % ShardingLayout.samples.count],
        run: TinyMerge.randomRun(using: &random))
      #expect(differences == [], "seed \(seed)")
    }
  }

  @Test("of the reference with itself: rows agree with each other", arguments: 16..<116)
  func rows(seed: Int) throws {
    let family = FamilySpec.random(seed: UInt64(seed)).build()
    let result = try referenceMerge(base: family.base, fineTuned: family.fineTuned)
    for model in result.models {
      for row in model.rows {
        let quota = row.rates.map { Reference.quota(elements: row.statistics.elements, rate: $0) }
        let kept = row.kept.indices.map { row.kept[...$0].reduce(0, +) }
        #expect(
          kept == quota.map { min($0, row.statistics.elements - row.statistics.zeros) },
          "seed \(seed), \(row.name)")
      }
    }
  }
}
