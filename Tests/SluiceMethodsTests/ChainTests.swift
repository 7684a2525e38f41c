import SluiceCore
import SluiceKernels
import SluiceStages
import Testing

@testable import SluiceMethods

/// What methods are made of: the stages of their chains, and the numbers that these are given.
@Suite("Chains of methods") struct ChainTests {
  private func method(
    _ prune: String = "dppa", _ merge: String = "ties", rate: Double = 0.8,
    _ change: (inout MethodParameters) -> Void = { _ in }
  ) throws -> MethodParameters {
    var method = MethodParameters(pruningRate: try #require(PruningRate(rate)))
    method.pruning = try #require(.init(rawValue: prune))
    method.merging = try #require(.init(rawValue: merge))
    change(&method)
    return method
  }

  /// Inputs of two models, with everything that passes and files can give.
  private func inputs(_ method: MethodParameters) -> ChainInputs {
    var inputs = ChainInputs(
      rates: SameRates(method.partitionRates), partitionCount: method.partitionRates.count,
      amplification: [[1.5], []], weights: OneFactor(0.5), cuts: NoCuts())
    inputs.rowCuts = NoCuts()
    inputs.trims = NoCuts()
    inputs.rescales = OneFactor(3)
    inputs.rowBands = NoRows()
    inputs.rowFactors = NoRows()
    inputs.corrections = NoRows()
    inputs.directions = NoRows()
    inputs.coefficients = OneFactor(0.25)
    return inputs
  }

  @Test(
    "each pruning has its stages, in order",
    arguments: [
      ("dppa", ["mask", "amplify"]), ("dp", ["mask", "amplify"]),
      ("magnitude", ["mask", "amplify"]), ("owl", ["mask", "amplify"]),
      ("dare", ["random-mask", "rescale", "amplify"]), ("wanda", ["row-mask"]),
      ("sparsegpt", []), ("none", []),
    ])
  func pruning(name: String, stages: [String]) throws {
    let method = try method(name)
    #expect(method.transforms(inputs(method)).map(\.name) == stages)
    #expect(
      method.maskTransforms(inputs(method)).map(\.name) == stages.filter { $0.hasSuffix("mask") })
  }

  @Test("rows are cut, and get their norms back, between what is a mask and what amplifies")
  func rows() throws {
    let byRow = try method("magnitude") {
      $0.maskUnit = .row
      $0.rescale = .rowL2
    }
    #expect(byRow.passes == [.rowBands, .rowNorms] && !byRow.cutsByMagnitude)
    let stages = byRow.transforms(inputs(byRow)).map(\.name)
    #expect(stages == ["row-mask", "row-rescale", "amplify"])
    #expect(byRow.maskTransforms(inputs(byRow)).map(\.name) == ["row-mask"])
    let drawn = try method("dare") { $0.rescale = .rowL2 }
    #expect(
      drawn.transforms(inputs(drawn)).map(\.name) == [
        "random-mask", "rescale", "row-rescale", "amplify",
      ])
    let own = try method("dare") { $0.compensation = .own }
    #expect(own.passes == [.sketch, .directions, .corrections])
    let names = ["random-mask", "rescale", "compensate", "amplify"]
    #expect(own.transforms(inputs(own)).map(\.name) == names)
    let byProducts = try method("wanda") { $0.compensation = .own }
    #expect(byProducts.transforms(inputs(byProducts)).map(\.name) == ["row-mask", "compensate"])
    // Who does not know the parameter does not look at it.
    let other = try method("dppa") { $0.maskUnit = .row }
    #expect(other.usedMaskUnit == .tensor && other.passes == [.survey])
    #expect(other.effective(ParameterRow.at(\.rescale)) == .word("none"))
  }

  @Test("every pruning of the table is among them") func allPrunings() {
    #expect(
      PruneMethod.table.map(\.name)
        == ["dppa", "dp", "magnitude", "owl", "dare", "wanda", "sparsegpt", "none"])
  }

  @Test(
    "each merging has its operator, and what comes before it",
    arguments: [
      ("ties", ["weight"], "ties"), ("sum", ["weight"], "sum"), ("average", [], "average"),
      ("lm-cocktail", ["weight"], "sum"), ("adamerging", ["coefficients"], "sum"),
      ("adamerging++", ["trim"], "elect"), ("regmean", [], "sum"),
      ("own-regmean", [], "own-regmean"),
      ("greedy-soup", [], "average"),
    ])
  func merging(name: String, stages: [String], rule: String) throws {
    let method = try method("none", name)
    let chain = method.chain(inputs(method))
    #expect(chain.transforms.map(\.name) == stages)
    #expect(chain.linear.rule.name == rule && chain.linear.hasTransforms)
    // Dense tensors are merged in the same way, unless the method says otherwise.
    #expect(chain.dense.rule.name == (name == "regmean" ? "average" : rule))
  }

  @Test("rescaling takes the factor that is asked for", arguments: Rescale.allCases)
  func rescale(_ rescale: Rescale) throws {
    let method = try method("dare", rate: 0.75) { $0.rescale = rescale }
    let stage = method.transforms(inputs(method)).first { $0.name == "rescale" }
    let lane = stage?.makeLane(model: 0, kernels: .best)
    let task = TensorTask(
      ordinal: 0, name: "w", role: .linear, elementCount: 1,
      base: TensorSource(file: 0, dtype: .f32, byteRange: 0..<4), baseElementCount: 1,
      fineTuned: [], fineTunedElementCounts: [], outputDType: .f32, outputShard: 0,
      outputOffset: 0, firstStrip: 0)
    try lane?.begin(
      Strip(task, index: 0, granularity: Granularity(chunkElements: Granularity.grainElements)),
      statistics: [])
    // Of two elements the mask keeps the first.
    let kept = PartitionMasks(count: 1)
    kept[0][0] = 1
    var values: [Float] = [2, 2]
    try values.withUnsafeMutableBufferPointer {
      try lane?.apply(
        to: DeltaTile(
          values: $0.baseAddress!, count: 2, firstElement: 0, partitions: kept))
    }
    // Of the mask alone, the rescale that follows it makes the zeros.
    let isFused = rescale == .inverse
    #expect(values[1] == (isFused ? 0 : values[0]))
    let factors: [Rescale: Float] = [.inverse: 4, .l1: 3, .rowL2: 1, .none: 1]
    #expect(values[0] == factors[rescale].map { 2 * $0 })
  }

  @Test("partitions have nested rates where the pruning has partitions") func partitionRates()
    throws
  {
    func rates(_ prune: String) throws -> [Double] {
      try method(prune, rate: 0.7).partitionRates.map(\.value)
    }
    for (found, expected) in zip(try rates("dppa"), [0.9, 0.8, 0.7]) {
      #expect(abs(found - expected) < 1e-12)
    }
    #expect(try rates("dppa").count == 3 && rates("dare").count == 3)
    #expect(try rates("wanda") == [0.7])
    #expect(try rates("none") == [0])
  }

  @Test("factors that are not given are 1, and combine as asked for") func ringFactors() throws {
    let ring = try method(rate: 0.7)
    #expect(ring.ringFactors([]) == [1, 1, 1])
    #expect(ring.ringFactors([1.5, 0.5]) == [1.5, 0.5, 1])
    #expect(ring.ringFactors([2], partitionCount: 2) == [2, 1])
    let largest = try method(rate: 0.7) { $0.combination = .max }
    #expect(largest.ringFactors([0.5, 1.5]) == [1.5, 1.5, 1])
  }

  @Test("tensors that are not linear are merged, averaged as they are, or the base's")
  func nonLinear() throws {
    let merged = try method { $0.mergeScale = 0.75 }
    let chain = merged.chain(inputs(merged))
    #expect(chain.dense.rule.name == "ties" && chain.dense.mergeScale == 0.75)
    let averaged = try method {
      $0.nonLinear = .average
      $0.mergeScale = 0.75
    }
    let plain = averaged.chain(inputs(averaged))
    #expect(plain.dense.rule.name == "average" && plain.dense.mergeScale == 1)
    #expect(!plain.dense.hasTransforms && plain.linear.mergeScale == 0.75)
  }

  @Test("the versions of TIES differ in density, ties at the threshold and zero sums")
  func flavors() throws {
    let plain = try method("none") { $0.tiesFlavor = .plain }
    #expect(plain.trimDensity == 1 && plain.electedZeroSign == .positive)
    #expect(plain.chain(inputs(plain)).linear.rule.name == "ties")
    let original = try method("none") { $0.tiesFlavor = .original }
    #expect(original.trimDensity == 0.2 && original.electedZeroSign == .majority)
    #expect(original.trimTieBreak == .keep)
    #expect(original.chain(inputs(original)).transforms.map(\.name) == ["trim", "weight"])
    let mergekit = try method("none") {
      $0.tiesFlavor = .mergekit
      $0.tiesDensity = 0.5
    }
    #expect(mergekit.trimDensity == 0.5 && mergekit.electedZeroSign == .positive)
    #expect(mergekit.trimTieBreak == .spread)
    #expect(mergekit.chain(inputs(mergekit)).linear.rule.name == "elect")
    // With the original's rules whatever the flavor is said to be.
    let learned = try method("none", "adamerging++")
    #expect(learned.trimDensity == 0.2 && learned.electedZeroSign == .majority)
  }

  @Test(
    "the majority decides about sums of zero: plus has the fast operator",
    arguments: [-1, 0, 1, nil])
  func majority(sign: Int?) throws {
    let method = try method("none") {
      $0.tiesFlavor = .original
      $0.tiesDensity = 1
    }
    var inputs = inputs(method)
    inputs.majority = sign
    let rule = method.chain(inputs).linear.rule
    #expect(rule.name == (sign == 1 ? "ties" : "elect"))
    let deltas: [[Float]] = [[1, -2], [-1, -1]]
    #expect(try merge(deltas, rule) == [[-1: -1, 0: 0, 1: 1][sign ?? 0] ?? 0, -1.5])
  }

  /// Merges two deltas of each of two models.
  private func merge(_ deltas: [[Float]], _ rule: any MergeOperator) throws -> [Float] {
    let buffers = TileBuffers(modelCount: 2)
    for (model, values) in deltas.enumerated() {
      for (index, value) in values.enumerated() { buffers.delta(of: model)[index] = value }
    }
    try rule.makeLane(kernels: .best).merge(
      MergeTile(
        deltas: buffers.deltaRows, modelCount: 2, count: 2, merged: buffers.merged.pointer))
    return [buffers.merged.pointer[0], buffers.merged.pointer[1]]
  }

  @Test("stages of one's own stand where they were put") func customStages() throws {
    let method = try method("dppa", "adamerging")
    var inputs = inputs(method)
    for place in TransformPlace.allCases {
      inputs.customTransforms[place] = [
        FactorStage(OneFactor(1), name: place.rawValue, scope: .all)
      ]
    }
    #expect(
      method.chain(inputs).transforms.map(\.name)
        == ["delta", "mask", "mask", "amplify", "amplify", "coefficients"])
    #expect(method.transforms(inputs, through: .delta).map(\.name) == ["delta"])
    #expect(method.transforms(inputs, through: .mask).map(\.name) == ["delta", "mask", "mask"])
    inputs.customOperator = MeanOperator()
    #expect(method.chain(inputs).linear.rule.name == "average")
  }

  /// Cuts that nobody asks for.
  private struct NoCuts: CutSource, RowCutSource {
    var partitionCount: Int { 1 }
    func cuts(of strip: Strip, model: Int) -> [StripCut] { [] }
    func rowCuts(of strip: Strip, model: Int) -> RowCuts {
      RowCuts(norms: [], firstRow: 0, cuts: [])
    }
  }
}

/// Rows of which nothing is known.
private struct NoRows: RowBandSource, RowNumberSource, DirectionSource {
  func rowBands(of strip: Strip, model: Int) -> RowBands {
    RowBands(columnCount: 1, firstRow: 0, partitionCount: 0, cuts: [], tiesBefore: [])
  }

  func rowNumbers(of strip: Strip, model: Int) -> RowNumbers { .none }
  func directions(of task: TensorTask, model: Int) -> Directions { .none }
}
