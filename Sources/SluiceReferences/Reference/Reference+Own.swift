/// What deltas say of their own inputs, number by number in Double.
extension Reference {
  /// A layer's deltas: rows are outputs.
  package typealias Rows = [[Float]]

  /// What is found of a layer's deltas.
  package struct Own {
    /// Y: for each input as many numbers as there are directions.
    package let directions: [[Double]]
    /// C: the products with each other of what rows put out along the basis.
    package let core: [[Double]]
    /// The sum of squares.
    package let energy: Double
  }

  /// Directions of the inputs of a layer that its deltas put out most along: two steps of a randomised
  /// range finder.
  ///
  /// Formula: Y0 = transpose(D) * Omega, Q an orthonormal basis of its columns, Y = transpose(D) * (D * Q),
  /// C = transpose(D * Q) * (D * Q).
  /// Omega has signs: + where the draw of `dare`, for the first model and the position row * r + column,
  /// reaches 2^23. Sums run over the rows of a block in order, then over blocks.
  /// Source: Halko, Martinsson, Tropp (arXiv 0909.4061).
  ///
  /// - Parameters:
  ///   - deltas: The deltas.
  ///   - rank: How many directions are asked for; there are no more than inputs or outputs.
  ///   - seed: What signs are drawn from.
  ///   - tensor: The layer's name.
  ///   - blockElements: About how many elements a block has.
  /// - Returns: What is found.
  package static func own(
    of deltas: Rows, rank: Int, seed: UInt64, tensor: String, blockElements: Int = 1 << 24
  ) -> Own {
    let columns = deltas.first?.count ?? 0
    let rank = min(rank, columns, deltas.count)
    let start = blockSums(deltas, rank, blockElements) { row, _ in
      (0..<rank).map { column in
        let draw = dareDraw(seed: seed, model: 0, tensor: tensor, index: row * rank + column)
        return draw >= 1 << 23 ? 1 : -1
      }
    }
    let basis = orthonormalised(start)
    let directions = blockSums(deltas, rank, blockElements) { _, deltas in
      ScalarKernels.projected(deltas, basis)
    }
    var (core, energy) = ([[Double]](), 0.0)
    let step = max(1, blockElements / max(columns, 1))
    for first in stride(from: 0, to: deltas.count, by: step) {
      let block = deltas[first..<min(first + step, deltas.count)]
      let put = block.map { ScalarKernels.projected($0, basis) }
      let sums = ScalarKernels.gram(put, where: put.map { _ in 1 })
      core = core.isEmpty ? sums : zip(core, sums).map { zip($0, $1).map(+) }
      energy += block.reduce(0) { $0 + squares($1[...]) }
    }
    return Own(directions: directions, core: core, energy: energy)
  }

  /// The sum of squares in Double: element i adds to sum i modulo 16, and the sums are added in order.
  package static func squares(_ values: ArraySlice<Float>) -> Double {
    var sums = [Double](repeating: 0, count: 16)
    for (index, value) in values.enumerated() {
      sums[index % 16] += Double(value) * Double(value)
    }
    return sums.reduce(0, +)
  }

  private static func blockSums(
    _ deltas: Rows, _ rank: Int, _ blockElements: Int, _ weights: (Int, [Float]) -> [Double]
  ) -> [[Double]] {
    let columns = deltas.first?.count ?? 0
    let zeros = [[Double]](repeating: [Double](repeating: 0, count: rank), count: columns)
    var total: [[Double]]?
    let step = max(1, blockElements / max(columns, 1))
    for first in stride(from: 0, to: deltas.count, by: step) {
      var sums = zeros
      for row in first..<min(first + step, deltas.count) {
        sums = ScalarKernels.spread(deltas[row], weights(row, deltas[row]), to: sums)
      }
      total = total.map { total in zip(total, sums).map { zip($0, $1).map(+) } } ?? sums
    }
    return total ?? zeros
  }

  /// A basis of the columns of a matrix by Gram and Schmidt, each column twice; zeros for a column of which
  /// less than 1e-10 is left.
  package static func orthonormalised(_ matrix: [[Double]]) -> [[Double]] {
    let width = matrix.first?.count ?? 0
    var columns: [[Double]] = []
    for index in 0..<width {
      var column = matrix.map { $0[index] }
      let norm = ScalarKernels.dot(column, column).squareRoot()
      for _ in 0..<2 {
        for other in columns {
          let share = ScalarKernels.dot(other, column)
          column = zip(column, other).map { $0 - share * $1 }
        }
      }
      let left = ScalarKernels.dot(column, column).squareRoot()
      columns.append(column.map { left > 1e-10 * norm ? $0 / left : 0 })
    }
    return matrix.indices.map { row in columns.map { $0[row] } }
  }

  /// What is kept of a row, changed so that it makes up for what is not.
  ///
  /// Formula: e = (d - k) Y, A = transpose(Y_S) Y_S + ridge * mean(diagonal) I, k_S + Y_S inverse(A) e; a row of
  /// which nothing is kept stays.
  ///
  /// - Parameters:
  ///   - deltas: The row's deltas d.
  ///   - kept: What is kept of them, k; S are those that are not zero.
  ///   - directions: Y.
  ///   - ridge: What is added to the diagonal, as a share of its mean.
  /// - Returns: The row.
  package static func compensated(
    _ deltas: [Float], kept: [Float], along directions: [[Double]], ridge: Double
  ) -> [Float] {
    var square = ScalarKernels.gram(directions, where: kept)
    let width = square.count
    let trace = (0..<width).reduce(0.0) { $0 + square[$1][$1] }
    guard trace > 0 else { return kept }
    for index in 0..<width { square[index][index] += ridge * (trace / Double(width)) }
    let missing = ScalarKernels.projected(zip(deltas, kept).map { $0 - $1 }, directions)
    return ScalarKernels.corrected(kept, directions, solution(of: square, missing))
  }

  /// The solution x of A x = y for a symmetric matrix, without what depends on rows before up to 1e-14 of its
  /// diagonal.
  package static func solution(of matrix: [[Double]], _ right: [Double]) -> [Double] {
    let width = matrix.count
    var lower = matrix
    for row in 0..<width {
      for column in 0...row {
        var sum = matrix[row][column]
        for inner in 0..<column { sum -= lower[row][inner] * lower[column][inner] }
        if row == column {
          lower[row][row] = sum > 1e-14 * matrix[row][row] ? sum.squareRoot() : .infinity
        } else {
          lower[row][column] = sum / lower[column][column]
        }
      }
    }
    var result = right
    for row in 0..<width {
      for inner in 0..<row { result[row] -= lower[row][inner] * result[inner] }
      result[row] /= lower[row][row]
    }
    for row in (0..<width).reversed() {
      for inner in row + 1..<width { result[row] -= lower[inner][row] * result[inner] }
      result[row] /= lower[row][row]
    }
    return result
  }

  /// The merged deltas of a layer by RegMean with Gram matrices of the deltas themselves.
  ///
  /// Formula: with U all models' directions side by side, C their cores times the mean g of the diagonal of
  /// transpose(D) D, H = inverse(K eps C + transpose(U) U), for each row: the mean of w d, plus U H times the sum of
  /// w (what of d U belongs to the model's own directions, minus d U / K).
  /// Source: ours, after RegMean (arXiv 2212.09849), with Nystrom's approximation and Woodbury's identity.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - own: What was found of each.
  ///   - weights: The models' weights.
  ///   - share: eps.
  ///   - removal: What of each row of each model's blended deltas is removed, and what its norm is multiplied by.
  /// - Returns: The merged deltas, row by row.
  package static func blended(
    _ deltas: [Rows], _ own: [Own], weights: [Double], share: Double,
    removal: (rate: Double, factor: Double)? = nil
  ) -> Rows {
    let present = own.indices.filter { own[$0].energy > 0 }
    let columns = deltas[0].first?.count ?? 0
    let directions = (0..<columns).map { column in present.flatMap { own[$0].directions[column] } }
    var square = ScalarKernels.gram(directions, where: directions.map { _ in 1 })
    var ranges: [Range<Int>] = []
    for model in present {
      let start = ranges.last?.upperBound ?? 0
      let width = own[model].core.count
      ranges.append(start..<start + width)
      let scale = Double(present.count) * share * (own[model].energy / Double(columns))
      for row in 0..<width {
        for column in 0...row {
          square[start + row][start + column] += scale * own[model].core[row][column]
        }
      }
    }
    let count = Double(present.count)
    /// What U is multiplied by in a row, of some models.
    func solved(_ row: Int, _ models: [Int], weights: [Double]) -> [Double] {
      var right = [Double](repeating: 0, count: square.count)
      for (part, model) in present.enumerated() where models.contains(model) {
        let sums = ScalarKernels.projected(deltas[model][row], directions)
        for column in sums.indices {
          let shared = sums[column] / count
          let rest = ranges[part].contains(column) ? sums[column] - shared : -shared
          right[column] += weights[model] * rest
        }
      }
      return square.isEmpty ? [] : solution(of: square, right)
    }
    guard let removal else {
      return deltas[0].indices.map { row in
        let shares = own.indices.map { own[$0].energy > 0 ? weights[$0] / count : 0 }
        return ScalarKernels.blended(
          deltas.map { $0[row] }, shares: shares, directions,
          solved(row, present, weights: weights))
      }
    }
    return deltas[0].indices.map { row in
      var merged: [Float]?
      for model in own.indices {
        var values = [Float](repeating: 0, count: columns)
        if own[model].energy > 0 {
          let blended = ScalarKernels.blended(
            [deltas[model][row]], shares: [1 / count], directions,
            solved(row, [model], weights: own.map { _ in 1 }))
          values = largest(of: blended, removal)
        }
        let factor = Float(weights[model])
        if factor != 1 { values = values.map { factor * $0 } }
        merged = merged.map { zip($0, values).map(+) } ?? values
      }
      return merged ?? []
    }
  }

  /// The largest of a row, of equal ones the first, with the row's norm restored times a factor.
  private static func largest(
    of row: [Float], _ removal: (rate: Double, factor: Double)
  ) -> [Float] {
    let quota = max(1, row.count - Int((removal.rate * Double(row.count)).rounded(.up)))
    let order = row.indices.sorted { (-row[$0].magnitude, $0) < (-row[$1].magnitude, $1) }
    var kept = [Float](repeating: 0, count: row.count)
    for index in order.prefix(quota) { kept[index] = row[index] }
    let (whole, left) = (squares(row[...]), squares(kept[...]))
    let factor = left > 0 ? Float(removal.factor * (whole / left).squareRoot()) : 1
    return kept.map { $0 * factor }
  }
}
