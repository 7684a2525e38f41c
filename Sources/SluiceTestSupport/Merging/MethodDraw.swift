package import SluiceCore

/// Merges of one kind on random families: what is said of the method is drawn from a seed, and so is
/// everything else.
package struct MethodDraw: Sendable, CustomStringConvertible {
  typealias Change =
    @Sendable (
      inout ReferenceOptions, inout RepeatableGenerator, ModelFamily
    ) -> Void

  /// The kind of merge, for test names.
  package let description: String
  private let modelCount: @Sendable (Int) -> Int
  private let change: Change

  /// The types that weights are compared in.
  package static let dtypes: [DType] = [.bf16, .f16, .f32]

  init(
    _ description: String, modelCount: @escaping @Sendable (Int) -> Int = { _ in 2 },
    _ change: @escaping Change
  ) {
    self.description = description
    self.modelCount = modelCount
    self.change = change
  }

  /// Merges with product and reference.
  ///
  /// - Parameters:
  ///   - seed: What everything is drawn from.
  ///   - dtype: The type of all weights.
  /// - Returns: A line for each difference.
  /// - Throws: What keeps one of them from merging.
  package func differences(seed: Int, dtype: DType) throws -> [String] {
    let family = MethodDraw.family(seed, dtype, models: modelCount(seed))
    var random = RepeatableGenerator(seed: UInt64(seed) &* 977)
    var options = TinyMerge.randomOptions(for: family, using: &random)
    options.amplify = [:]
    change(&options, &random, family)
    return try TinyMerge(family, options: options).differencesFromReference(
      layout: ShardingLayout.samples[seed % ShardingLayout.samples.count],
      run: TinyMerge.randomRun(using: &random))
  }

  /// A random family in one dtype; not every model has every tensor.
  private static func family(_ seed: Int, _ dtype: DType, models: Int) -> ModelFamily {
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
}

extension MethodDraw {
  /// All kinds: every method of the reference, with everything that it can be told.
  package static let all: [MethodDraw] =
    ReferenceOptions.Rates.allCases.map(rates)
    + [ReferenceOptions.Prune.magnitude, .owl].map(fixed)
    + ReferenceOptions.Rescale.allCases.filter { $0 == .none || $0 == .rowL2 }.map(rows)
    + ReferenceOptions.Rescale.allCases.map(dare) + [wanda]
    + [ReferenceOptions.Prune.dp, .magnitude, .dare, .wanda].map(compensated)
    + ReferenceOptions.Flavor.allCases.map(ties)
    + [ReferenceOptions.Merge.sum, .average, .lmCocktail].map(linear)
    + [false, true].map(ownRegMean)
    + [ReferenceOptions.Merge.adaMerging, .adaMergingPlusPlus].map(adaMerging)

  private static func rates(_ rule: ReferenceOptions.Rates) -> MethodDraw {
    MethodDraw("rates \(rule)") { options, random, family in
      options.prune = .dp
      options.rates = rule
      options.significance = random.choice([nil, .mass, .count])
      options.scalesDeviations = random.chance(0.7)
      options.rebalances = random.chance(0.5)
      options.dividesByAll = random.chance(0.4)
      options.owlUsesRange = random.chance(0.5)
      options.maxRateDeviation = random.choice([0.08, 0.2, 0.5])
      options.pruningRate = random.choice([0.1, 0.5, 0.9])
      options.amplify = [family.fineTuned[0].name: [1.4]]
    }
  }

  private static func fixed(_ prune: ReferenceOptions.Prune) -> MethodDraw {
    MethodDraw("\(prune), amplified") { options, _, family in
      options.prune = prune
      options.amplify = [family.fineTuned[0].name: [1.1, 1.3]]
      options.pruningRate = 0.8
    }
  }

  private static func dare(_ rescale: ReferenceOptions.Rescale) -> MethodDraw {
    MethodDraw("dare, rescale \(rescale)") { options, random, family in
      options.prune = .dare
      options.rescale = rescale
      options.seed = random.next()
      options.dropsLinearOnly = random.chance(0.4)
      options.rowFactor = random.choice([1, 1.3])
      options.merge = random.choice([.ties, .sum, .average])
      if options.merge == .average { options.weight = [:] }
      options.pruningRate = 0.7
      options.amplify = [family.fineTuned[0].name: [0.9, 0.7]]
    }
  }

  private static func rows(_ rescale: ReferenceOptions.Rescale) -> MethodDraw {
    MethodDraw("magnitude by row, rescale \(rescale)") { options, random, family in
      options.prune = .magnitude
      options.keepsByRow = true
      options.rescale = rescale
      options.rowFactor = random.choice([1, 1.3])
      options.tieBreak = random.choice(Reference.TieBreak.allCases)
      options.pruningRate = random.choice([0.3, 0.8, 0.95])
      if random.chance(0.5) { options.amplify = [family.fineTuned[0].name: [1.3]] }
    }
  }

  private static func compensated(_ prune: ReferenceOptions.Prune) -> MethodDraw {
    MethodDraw("\(prune), compensated") { options, random, family in
      if prune == .wanda { wanda.change(&options, &random, family) }
      options.prune = prune
      options.ownRank = random.choice([1, 4, 16])
      if random.chance(0.3) { askForShare(&options, &random) }
      options.ridge = random.choice([0.01, 0.3])
      options.seed = random.next()
      options.pruningRate = random.choice([0.5, 0.8, 0.95])
      options.keepsByRow = prune == .magnitude && random.chance(0.7)
      if prune != .wanda { options.amplify = [family.fineTuned[0].name: [1.1]] }
    }
  }

  private static func askForShare(
    _ options: inout ReferenceOptions, _ random: inout RepeatableGenerator
  ) {
    options.ownRank = 128
    options.ownPercent = random.choice([20, 75, 97.5])
  }

  private static let wanda = MethodDraw("wanda") { options, random, family in
    options.prune = .wanda
    options.includesHead = false
    for tuned in family.fineTuned {
      for tensor in family.base.unstacked.tensors {
        guard Reference.isLinear(name: tensor.name, rank: tensor.shape.dimensions.count) else {
          continue
        }
        // Few distinct norms and zeros among them, so that scores tie.
        options.norms[tuned.name, default: [:]][tensor.name] =
          (0..<(tensor.shape.dimensions.last ?? 0)).map { _ in
            Float(random.choice([0, 0.5, 1, 1, 2.25]))
          }
      }
    }
  }

  private static func ties(_ flavor: ReferenceOptions.Flavor) -> MethodDraw {
    MethodDraw("ties \(flavor)", modelCount: { 1 + $0 % 3 }) { options, random, _ in
      options.prune = random.choice([.none, .none, .dp, .dare])
      options.flavor = flavor
      options.addsElected = random.chance(0.3)
      options.zeroSign = random.choice([nil, .positive, .majority, .drop])
      options.density = flavor == .plain ? nil : random.choice([nil, 0.2, 0.5, 0.9])
      if random.chance(0.3) { options.rates = .uniform }
    }
  }

  private static func linear(_ merge: ReferenceOptions.Merge) -> MethodDraw {
    MethodDraw("\(merge)", modelCount: { _ in 3 }) { options, random, family in
      options.prune = .none
      options.merge = merge
      options.weight = [:]
      for tuned in family.fineTuned where merge != .average {
        options.weight[tuned.name] = 0.1 + 0.2 * random.uniform()
      }
    }
  }

  private static func ownRegMean(isSparse: Bool) -> MethodDraw {
    MethodDraw("own-regmean\(isSparse ? ", sparse" : "")", modelCount: { 1 + $0 % 3 }) {
      options, random, family in
      options.prune = .none
      options.merge = .ownRegMean
      options.ownRank = random.choice([1, 4, 8, 24])
      if random.chance(0.3) { askForShare(&options, &random) }
      options.gramShare = random.choice([0.1, 0.5])
      options.blendRate = isSparse ? random.choice([0.3, 0.8, 0.95]) : 0
      options.compensatesBlends = isSparse && random.chance(0.5)
      options.ridge = options.compensatesBlends ? random.choice([0.01, 0.3]) : options.ridge
      options.blendFactor = isSparse && !options.compensatesBlends ? random.choice([1, 1.3]) : 1
      options.seed = random.next()
      options.weight = [family.fineTuned[0].name: 0.5 + random.uniform()]
    }
  }

  private static func adaMerging(_ merge: ReferenceOptions.Merge) -> MethodDraw {
    MethodDraw("\(merge)") { options, random, family in
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
