import SluiceCore
import SluicePipeline
import SluiceRecipe
import SluiceTestSupport
import Testing

/// Each method of the table, on random families, against its scalar reference, bit for bit.
@Suite("Every method equals its scalar reference")
struct MethodComparisonTests {
  private static let dtypes: [DType] = [.bf16, .f16, .f32]

  /// A random family in one dtype, or mixed; not every model has every tensor.
  private func family(_ seed: Int, _ dtype: DType, models: Int) -> ModelFamily {
    var spec = FamilySpec.random(seed: UInt64(seed))
    spec.hiddenSize = min(spec.hiddenSize, 12)
    spec.intermediateSize = min(spec.intermediateSize, 17)
    spec.vocabularySize = min(spec.vocabularySize, 20)
    spec.layerCount = min(spec.layerCount, 3)
    spec.baseDType = dtype
    while spec.fineTunes.count > models { spec.fineTunes.removeLast() }
    while spec.fineTunes.count < models {
      spec.fineTunes.append(.init("extra\(spec.fineTunes.count)", dtype: dtype, drift: .heavy))
    }
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = dtype }
    return spec.build()
  }

  private func check(
    _ seed: Int, _ dtype: DType, models: Int = 2,
    _ change: (inout ReferenceOptions, inout RepeatableGenerator, ModelFamily) -> Void
  ) throws {
    let family = family(seed, dtype, models: models)
    var random = RepeatableGenerator(seed: UInt64(seed) &* 977)
    var options = TinyMerge.randomOptions(for: family, using: &random)
    options.amplify = [:]
    change(&options, &random, family)
    try TinyMerge(family, options: options).expectEqualToReference(
      layout: ShardingLayout.samples[seed % ShardingLayout.samples.count],
      run: TinyMerge.randomRun(using: &random))
  }

  @Test("rate rules", arguments: ReferenceOptions.Rates.allCases, dtypes)
  func rates(rule: ReferenceOptions.Rates, dtype: DType) throws {
    for seed in 200..<201 {
      try check(seed, dtype) { options, random, family in
        options.prune = .dp
        options.rates = rule
        options.significance = [nil, .mass, .count].randomElement(using: &random) ?? nil
        options.scalesDeviations = random.chance(0.7)
        options.rebalances = random.chance(0.5)
        options.dividesByAll = random.chance(0.4)
        options.owlUsesRange = random.chance(0.5)
        options.maxRateDeviation = random.choice([0.08, 0.2, 0.5])
        options.pruningRate = random.choice([0.1, 0.5, 0.9])
        options.amplify = [family.fineTuned[0].name: [1.4]]
      }
    }
  }

  @Test(
    "magnitude and owl, amplified", arguments: [ReferenceOptions.Prune.magnitude, .owl], dtypes)
  func fixedRates(prune: ReferenceOptions.Prune, dtype: DType) throws {
    for seed in 210..<211 {
      try check(seed, dtype) { options, random, family in
        options.prune = prune
        options.amplify = [family.fineTuned[0].name: [1.1, 1.3]]
        options.pruningRate = 0.8
      }
    }
  }

  @Test("dare", arguments: ReferenceOptions.Rescale.allCases, dtypes)
  func dare(rescale: ReferenceOptions.Rescale, dtype: DType) throws {
    for seed in 220..<221 {
      try check(seed, dtype) { options, random, family in
        options.prune = .dare
        options.rescale = rescale
        options.seed = random.next()
        options.dropsLinearOnly = random.chance(0.4)
        options.merge = random.choice([.ties, .sum, .average])
        if options.merge == .average { options.weight = [:] }
        options.pruningRate = 0.7
        options.amplify = [family.fineTuned[0].name: [0.9, 0.7]]
      }
    }
  }

  @Test("wanda", arguments: dtypes)
  func wanda(dtype: DType) throws {
    for seed in 230..<232 {
      try check(seed, dtype) { options, random, family in
        options.prune = .wanda
        options.includesHead = false
        for tuned in family.fineTuned {
          for tensor in family.base.tensors {
            let isLinear = Reference.isLinear(
              name: tensor.name, rank: tensor.shape.dimensions.count)
            guard isLinear else { continue }
            let columns = tensor.shape.dimensions.last ?? 0
            // Few distinct norms and zeros among them, so that scores tie.
            options.norms[tuned.name, default: [:]][tensor.name] = (0..<columns).map { _ in
              Float(random.choice([0, 0.5, 1, 1, 2.25]))
            }
          }
        }
      }
    }
  }

  @Test("ties", arguments: ReferenceOptions.Flavor.allCases, dtypes)
  func ties(flavor: ReferenceOptions.Flavor, dtype: DType) throws {
    for seed in 240..<242 {
      try check(seed, dtype, models: 1 + seed % 3) { options, random, _ in
        options.prune = random.choice([.none, .none, .dp, .dare])
        options.flavor = flavor
        options.addsElected = random.chance(0.3)
        options.zeroSign = [nil, .positive, .majority, .drop].randomElement(using: &random) ?? nil
        options.density = flavor == .plain ? nil : random.choice([nil, 0.2, 0.5, 0.9])
        if random.chance(0.3) {
          options.rates = .uniform
        }
      }
    }
  }

  @Test("sum, average and lm-cocktail", arguments: dtypes)
  func linear(dtype: DType) throws {
    for (seed, merge) in [ReferenceOptions.Merge.sum, .average, .lmCocktail].enumerated() {
      try check(250 + seed, dtype, models: 3) { options, random, family in
        options.prune = .none
        options.merge = merge
        options.weight = [:]
        for tuned in family.fineTuned where merge != .average {
          options.weight[tuned.name] = 0.1 + 0.2 * random.uniform()
        }
      }
    }
  }

  @Test(
    "adamerging", arguments: [ReferenceOptions.Merge.adaMerging, .adaMergingPlusPlus], dtypes)
  func adaMerging(merge: ReferenceOptions.Merge, dtype: DType) throws {
    for seed in 260..<261 {
      try check(seed, dtype) { options, random, family in
        options.prune = .none
        options.merge = merge
        options.weight = [:]
        for tuned in family.fineTuned {
          var tensors: [String: Double] = [:]
          for tensor in family.base.tensors where random.chance(0.5) {
            tensors[tensor.name] = random.uniform() * 1.2
          }
          options.coefficients[tuned.name] = (0.3, tensors)
        }
      }
    }
  }
}
