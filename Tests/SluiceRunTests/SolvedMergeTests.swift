import Foundation
import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// Merges that solve for layers, against dense references in Double.
///
/// Tolerance: the solution is kept
/// as F32 and added to the base in F32, so two units of the largest weight's last place, plus the
/// rounding to the output's type.
@Suite("Solved merges equal dense references") struct SolvedMergeTests {
  private struct Case {
    let family: ModelFamily
    var grams: [[String: Matrix]] = []

    init(_ dtype: DType, seed: UInt64) {
      var spec = FamilySpec(
        seed: seed, fineTunes: [.init("a", dtype: dtype), .init("b", dtype: dtype)])
      spec.baseDType = dtype
      (spec.hiddenSize, spec.intermediateSize, spec.vocabularySize) = (12, 20, 8)
      (spec.headCount, spec.keyValueHeadCount, spec.headSize) = (2, 1, 4)
      spec.layerCount = 1
      family = spec.build()
      var random = RepeatableGenerator(seed: seed)
      for _ in family.fineTuned {
        var own: [String: Matrix] = [:]
        for tensor in linear {
          own[tensor.name] = Matrix.gram(tensor.shape.dimensions[1], dead: [3], &random)
        }
        grams.append(own)
      }
    }

    var linear: [TinyTensor] {
      family.base.tensors.filter {
        Reference.isLinear(name: $0.name, rank: $0.shape.dimensions.count)
      }
    }

    func weights(_ name: String, model: Int?) -> Matrix {
      let tensor = model.map { family.fineTuned[$0].model[name] } ?? family.base[name]
      guard let tensor, let values = tensor.floats else { return Matrix(rows: []) }
      let columns = tensor.shape.dimensions[1]
      return Matrix(
        rows: stride(from: 0, to: values.count, by: columns).map { start in
          (start..<(start + columns)).map { Double(values[$0]) }
        })
    }

    func run(_ change: (inout MergeRecipe) throws -> Void) throws -> TinyModel {
      let directory = try ScratchDirectory()
      try family.base.write(to: directory("base"))
      var models: [MergeRecipe.Model] = []
      for (index, tuned) in family.fineTuned.enumerated() {
        try tuned.model.write(to: directory(tuned.name))
        var model = MergeRecipe.Model(name: tuned.name, path: directory(tuned.name))
        let tensors = grams[index].sorted { $0.key < $1.key }.map { name, gram in
          TinyTensor(name, .f64, [gram.rowCount, gram.rowCount], values: Array(gram.rows.joined()))
        }
        let path = directory("grams-\(tuned.name).safetensors")
        try Data(TinyModel.safetensors(tensors)).write(to: URL(fileURLWithPath: path))
        model.extraFiles[.grams] = path
        models.append(model)
      }
      var recipe = MergeRecipe(
        base: directory("base"), models: models,
        method: MethodParameters(pruningRate: try #require(PruningRate(0.6))))
      try change(&recipe)
      var run = RunOptions(threads: 2)
      run.chunkElements = 1 << 16
      _ = try MergeRun(try MergePlan(recipe, options: run), output: directory("out")).execute()
      return try TinyModel.read(directory("out"))
    }

    func expectTensor(_ merged: TinyModel, _ name: String, near expected: Matrix) throws {
      let tensor = try #require(merged[name])
      let found = try #require(tensor.floats)
      let largest = expected.rows.joined().map(abs).max() ?? 0
      let unit = tensor.dtype == .f32 ? 0x1p-22 : tensor.dtype == .bf16 ? 0x1p-8 : 0x1p-11
      for (value, wanted) in zip(found, expected.rows.joined()) {
        #expect(abs(Double(value) - wanted) <= largest * unit, "\(name)")
      }
      #expect(found.count == expected.rowCount * expected.columnCount)
    }
  }

  private static let dtypes: [DType] = [.bf16, .f16, .f32]

  @Test("regmean: layers by their Gram matrices, the mean elsewhere", arguments: dtypes)
  func regMean(dtype: DType) throws {
    var input = Case(dtype, seed: 3)
    let left = try #require(input.linear.first).name
    input.grams[1][left] = nil
    let merged = try input.run { recipe in
      recipe.method.pruning = try #require(.init(rawValue: "none"))
      recipe.method.merging = try #require(.init(rawValue: "regmean"))
    }
    for tensor in input.linear {
      let base = input.weights(tensor.name, model: nil)
      let models = [0, 1].map { input.weights(tensor.name, model: $0) }
      guard tensor.name != left else {
        let mean = zip(models[0].rows, models[1].rows).map { zip($0, $1).map { ($0 + $1) / 2 } }
        try input.expectTensor(merged, left, near: Matrix(rows: mean))
        continue
      }
      var (numerator, sum) = (Matrix(rows: base.rows.map { $0.map { _ in 0 } }), [[Double]]())
      for (model, weights) in models.enumerated() {
        var gram = try #require(input.grams[model][tensor.name])
        for row in gram.rows.indices {
          for column in gram.rows.indices where column != row { gram.rows[row][column] *= 0.9 }
        }
        let delta = zip(weights.rows, base.rows).map { zip($0, $1).map { $0 - $1 } }
        let term = Matrix(rows: delta) * gram
        numerator.rows = zip(numerator.rows, term.rows).map { zip($0, $1).map { $0 + $1 } }
        sum = sum.isEmpty ? gram.rows : zip(sum, gram.rows).map { zip($0, $1).map { $0 + $1 } }
      }
      for row in sum.indices where sum[row][row] == 0 { sum[row][row] = 1 }
      let solution = numerator * Matrix(rows: sum).inverse
      let expected = zip(base.rows, solution.rows).map { zip($0, $1).map { $0 + $1 } }
      try input.expectTensor(merged, tensor.name, near: Matrix(rows: expected))
    }
  }

  /// Own-Gram RegMean, dense: what is left of each model's part has the norm of its row, times a factor.
  private func blended(
    _ deltas: [Matrix], weights: [Double], rate: Double, factor: Double
  ) -> Matrix {
    let grams = deltas.map { delta in
      var gram = delta.transposed * delta
      let mean = gram.rows.indices.reduce(0) { $0 + gram.rows[$1][$1] } / Double(gram.rowCount)
      for row in gram.rows.indices {
        gram.rows[row] = gram.rows[row].map { $0 / mean }
        gram.rows[row][row] += 0.1
      }
      return gram
    }
    let inverse = Matrix(
      rows: zip(grams[0].rows, grams[1].rows).map { zip($0, $1).map { $0 + $1 } }
    ).inverse
    let parts = deltas.indices.map { model -> [[Double]] in
      (deltas[model] * grams[model] * inverse).rows.map { row in
        let quota = max(1, row.count - Int((rate * Double(row.count)).rounded(.up)))
        let least = row.map(abs).sorted(by: >)[quota - 1]
        let kept = row.map { abs($0) >= least ? $0 : 0 }
        let norms = [row, kept].map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let scale = rate > 0 && norms[1] > 0 ? factor * norms[0] / norms[1] : 1
        return kept.map { $0 * scale * weights[model] }
      }
    }
    return Matrix(rows: zip(parts[0], parts[1]).map { zip($0, $1).map { $0 + $1 } })
  }

  @Test("own-regmean: whole Gram matrices of the deltas", arguments: dtypes, [0, 0.6])
  func ownGrams(dtype: DType, rate: Double) throws {
    let input = Case(dtype, seed: 6)
    let weights = [1, 0.5]
    let merged = try input.run { recipe in
      recipe.method.pruning = try #require(.init(rawValue: "none"))
      recipe.method.merging = try #require(.init(rawValue: "own-regmean"))
      recipe.method.sketchRank = .all
      recipe.method.blendRate = rate
      recipe.method.blendFactor = rate > 0 ? 1.3 : 1
      recipe.models[1].weight = 0.5
      for model in recipe.models.indices { recipe.models[model].extraFiles = [:] }
    }
    for tensor in input.linear {
      let base = input.weights(tensor.name, model: nil)
      let deltas = [0, 1].map { model in
        let own = input.weights(tensor.name, model: model)
        return Matrix(rows: zip(own.rows, base.rows).map { zip($0, $1).map { $0 - $1 } })
      }
      let solution = blended(deltas, weights: weights, rate: rate, factor: 1.3)
      let expected = zip(base.rows, solution.rows).map { zip($0, $1).map { $0 + $1 } }
      try input.expectTensor(merged, tensor.name, near: Matrix(rows: expected))
    }
    let linear = Set(input.linear.map(\.name))
    for tensor in input.family.base.tensors where !linear.contains(tensor.name) {
      let base = try #require(tensor.floats)
      let tuned = try input.family.fineTuned.map { try #require($0.model[tensor.name]?.floats) }
      let expected = base.indices.map { index in
        weights.indices.reduce(Double(base[index])) {
          $0 + weights[$1] / 2 * (Double(tuned[$1][index]) - Double(base[index]))
        }
      }
      try input.expectTensor(merged, tensor.name, near: Matrix(rows: [expected]))
    }
  }

  @Test(
    "sparsegpt: on weights and on deltas", arguments: MethodParameters.SolveTarget.allCases, dtypes)
  func sparse(target: MethodParameters.SolveTarget, dtype: DType) throws {
    let input = Case(dtype, seed: 4)
    let merged = try input.run { recipe in
      recipe.method.pruning = try #require(.init(rawValue: "sparsegpt"))
      recipe.method.merging = try #require(.init(rawValue: "sum"))
      recipe.method.solveTarget = target
      recipe.models[1].weight = 0.5
    }
    for tensor in input.linear {
      let base = input.weights(tensor.name, model: nil)
      var expected = base
      for (model, weight) in [1.0, 0.5].enumerated() {
        let own = input.weights(tensor.name, model: model)
        let delta = Matrix(rows: zip(own.rows, base.rows).map { zip($0, $1).map { $0 - $1 } })
        let gram = try #require(input.grams[model][tensor.name])
        let pruned = sparseReference(
          target == .weights ? own : delta, gram: gram, rate: 0.6, dampening: 0.01)
        for row in base.rows.indices {
          for column in base.rows[row].indices {
            let change =
              pruned.rows[row][column] - (target == .weights ? base.rows[row][column] : 0)
            expected.rows[row][column] += weight * change
          }
        }
      }
      try input.expectTensor(merged, tensor.name, near: expected)
    }
  }

  @Test("A solving method without its file, or on pruned models, is refused")
  func refused() throws {
    let input = Case(.f32, seed: 5)
    #expect(throws: PipelineError.self) {
      _ = try input.run { recipe in
        recipe.method.merging = try #require(.init(rawValue: "regmean"))
      }
    }
    for change: @Sendable (inout MethodParameters) -> Void in [
      { $0.compensation = .own }, { $0.seed = 3 },
    ] {
      #expect(throws: PipelineError.self) {
        _ = try input.run { recipe in
          recipe.method.pruning = try #require(.init(rawValue: "none"))
          recipe.method.merging = try #require(.init(rawValue: "own-regmean"))
          recipe.method.sketchRank = .all
          for model in recipe.models.indices { recipe.models[model].extraFiles = [:] }
          change(&recipe.method)
        }
      }
    }
    #expect(throws: PipelineError.self) {
      _ = try input.run { recipe in
        recipe.method.pruning = try #require(.init(rawValue: "sparsegpt"))
        recipe.models[0].extraFiles = [:]
      }
    }
  }
}
