import SluiceCore
import SluiceTestSupport
import Testing

@Suite("The reference merge, by hand") struct ReferenceMergeTests {
  static let up = "model.layers.0.mlp.up_proj.weight"
  static let down = "model.layers.0.mlp.down_proj.weight"
  static let norm = "model.norm.weight"

  /// One linear tensor of ten elements at 8, and a norm of two at 1.
  static let base = TinyModel(tensors: [
    TinyTensor(norm, .f32, values: [1, 1]),
    TinyTensor(up, .f32, [2, 5], values: Array(repeating: 8, count: 10)),
  ])

  static func tuned(_ linear: [Double], _ norm: [Double], _ dtype: DType = .f32) -> TinyModel {
    TinyModel(tensors: [
      TinyTensor(up, dtype, [2, 5], values: linear.map { 8 + $0 }),
      TinyTensor(self.norm, dtype, values: norm.map { 1 + $0 }),
    ])
  }

  static let pair = [
    ("a", tuned([3, -1, 1, 0, 1, -1, 1, 2, 0, 1], [1, -1])),
    ("b", tuned([-2, 5, 0, 0, 0, 0, 4, 0, 0, 0], [2, 1])),
  ]

  /// Quotas 10 - floor(8.5) = 2 and 10 - floor(6) = 4.
  static var options: ReferenceOptions {
    var options = ReferenceOptions()
    options.pruningRate = 0.6
    options.partitionWidth = 0.25
    options.amplify = ["a": [2, 4]]
    options.weight = ["b": 0.5]
    options.mergeScale = 0.5
    return options
  }

  @Test("Two models, two partitions, factors, a weight and a scale")
  func twoModels() throws {
    let result = try referenceMerge(base: Self.base, fineTuned: Self.pair, options: Self.options)
    // a: 3 and 2 doubled, of the ones j = 0 and 4 (at 1 and 6) times four.
    // b: 5, 4 and -2 halved; the fourth of its quota is a zero.
    // TIES: 0: 6 -1 -> 6. 1: -4 +2.5 -> -4. 6: 4 +2 -> 3. 7: 4.
    #expect(result[Self.up]?.floats == [11, 6, 8, 8, 8, 8, 9.5, 10, 8, 8])
    // Norms: 1 + 1 -> 1, -1 + 0.5 -> -1.
    #expect(result[Self.norm]?.floats == [1.5, 0.5])
    #expect(result.tensors.map(\.name) == [Self.up, Self.norm])
    #expect(result.tensors.map(\.dtype) == [.f32, .f32])
    #expect(result.partitionRates == [0.85, 0.6])
  }

  @Test("The rows name every decision")
  func rows() throws {
    let result = try referenceMerge(base: Self.base, fineTuned: Self.pair, options: Self.options)
    #expect(result.models.map(\.name) == ["a", "b"])
    #expect(
      result.models[0].rows == [
        ReferenceResult.Row(
          name: Self.up,
          statistics: Reference.Statistics(elements: 10, zeros: 2, mean: 1.1, significance: 0),
          rates: [0.85, 0.6], kept: [2, 2], thresholds: [2, 1], tied: [1, 6])
      ])
    #expect(
      result.models[1][Self.up]
        == ReferenceResult.Row(
          name: Self.up,
          statistics: Reference.Statistics(elements: 10, zeros: 7, mean: 1.1, significance: 0),
          rates: [0.85, 0.6], kept: [2, 1], thresholds: [4, 0], tied: [1, 7]))
  }

  @Test(
    "Tensors that are no linear weights follow their own option",
    arguments: [(.merge, [1.5, 0.5]), (.average, [2.5, 1]), (.base, [1, 1])]
      as [(ReferenceOptions.Nonlinear, [Float])])
  func nonlinear(choice: ReferenceOptions.Nonlinear, expected: [Float]) throws {
    var options = Self.options
    options.nonlinear = choice
    let result = try referenceMerge(base: Self.base, fineTuned: Self.pair, options: options)
    #expect(result[Self.norm]?.floats == expected)
    #expect(result[Self.up]?.floats == [11, 6, 8, 8, 8, 8, 9.5, 10, 8, 8])
  }

  @Test("Max gives the inner partition the outer factor where that is larger")
  func combineMax() throws {
    var options = Self.options
    options.combine = .max
    let result = try referenceMerge(base: Self.base, fineTuned: Self.pair, options: options)
    // 3 and 2 of model a times four: 12 -1 -> 12, and 8.
    #expect(result[Self.up]?.floats == [14, 6, 8, 8, 8, 8, 9.5, 12, 8, 8])
  }

  @Test("Rates of two tensors part by their significance, at each partition")
  func twoTensors() throws {
    // Significance 17/32 and 0 over 16 elements each: mean 17/64, deviations +-17/64.
    let peaked = [17.0] + Array(repeating: 1, count: 15)
    let flat = Array(repeating: 1.0, count: 16)
    let zeros = Array(repeating: 0.0, count: 16)
    func model(_ up: [Double], _ down: [Double]) -> TinyModel {
      TinyModel(tensors: [
        TinyTensor(Self.up, .bf16, [4, 4], values: up),
        TinyTensor(Self.down, .bf16, [2, 8], values: down),
      ])
    }
    var options = ReferenceOptions()
    let models = [("a", model(peaked, flat))]
    let result = try referenceMerge(base: model(zeros, zeros), fineTuned: models, options: options)
    let up = try #require(result.models[0][Self.up])
    let down = try #require(result.models[0][Self.down])
    #expect(up.statistics.significance == 17.0 / 32 && down.statistics.significance == 0)
    for (rates, expected) in [(up.rates, [0.82, 0.72]), (down.rates, [0.98, 0.88])] {
      #expect(zip(rates, expected).allSatisfy { abs($0 - $1) < 1e-15 } && rates.count == 2)
    }
    // 16 - floor(13.12, 11.52) and 16 - floor(15.68, 14.08).
    #expect(up.kept == [3, 2] && down.kept == [1, 1])
    #expect(up.thresholds == [1, 1] && up.tied == [15, 15])
    // Up: the 17 and four of the fifteen ones, those of least bit-reversed j: 0, 8, 4, 12.
    #expect(
      result[Self.up]?.floats == [17, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0])
    #expect(result[Self.down]?.floats == [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])

    options.rates = .uniform
    let uniform = try referenceMerge(base: model(zeros, zeros), fineTuned: models, options: options)
    // 16 - floor(14.4) and 16 - floor(12.8).
    #expect(uniform.models[0].rows.map(\.kept) == [[2, 2], [2, 2]])
    #expect(uniform.models[0].rows.map(\.rates) == [[0.9, 0.8], [0.9, 0.8]])
  }

  @Test("Patterns and the head's flag decide what is pruned; exclusion wins")
  func linearSet() throws {
    func names(_ change: (inout ReferenceOptions) -> Void) throws -> [String] {
      var options = ReferenceOptions()
      change(&options)
      let head = TinyTensor(TinyModel.headName, .f32, [1, 2], values: [1, 1])
      var base = Self.base
      var tuned = Self.pair[0].1
      base.tensors.append(head)
      tuned.tensors.append(head)
      return try referenceMerge(base: base, fineTuned: [("a", tuned)], options: options)
        .models[0].rows.map(\.name)
    }
    #expect(try names { _ in } == [Self.up])
    #expect(try names { $0.includesHead = true } == [TinyModel.headName, Self.up])
    #expect(try names { $0.include = ["*norm*"] } == [Self.up, Self.norm])
    #expect(try names { $0.exclude = ["*.mlp.*"] } == [])
    #expect(
      try names {
        $0.include = ["*"]
        $0.exclude = ["lm_head.*"]
        $0.includesHead = true
      } == [Self.up, Self.norm])
  }

  @Test("Product and sum are rounded apart")
  func rounding() throws {
    // The merged delta is 2^-24 * (1 - 2^-23), times the scale 2^-24 * (1 - 2^-46). Rounded, that
    // is half a unit of the base, whose even neighbour is above; in a fused sum it would be less.
    var options = ReferenceOptions()
    options.mergeScale = 1 + 0x1p-23
    options.weight = ["a": (1 - 0x1p-23) / 2]
    let result = try referenceMerge(
      base: TinyModel(tensors: [TinyTensor(Self.norm, .f32, values: [1 + 0x1p-23])]),
      fineTuned: [
        ("a", TinyModel(tensors: [TinyTensor(Self.norm, .f32, values: [1 + 0x1p-22])]))
      ], options: options)
    #expect(result[Self.norm]?.floats == [1 + 0x1p-22])
    let merged: Float = 0x1p-24 * (1 - 0x1p-23)
    #expect((1 + 0x1p-23 as Float).addingProduct(1 + 0x1p-23, merged) == 1 + 0x1p-23)
  }

  @Test("A negative zero of the base that nothing moves becomes zero, as -0 + 0 is 0")
  func negativeZero() throws {
    let model = TinyModel(tensors: [TinyTensor(Self.norm, .f32, values: [-0.0])])
    let merged = try referenceMerge(base: model, fineTuned: [("a", model)])[Self.norm]
    #expect(merged?.bytes == [0, 0, 0, 0])
    var options = ReferenceOptions()
    options.nonlinear = .base
    #expect(
      try referenceMerge(base: model, fineTuned: [("a", model)], options: options).tensors
        == model.tensors)
  }
}
