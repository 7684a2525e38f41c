/// What deltas say of their own inputs, number by number.
extension Reference {
  /// A layer's deltas: rows are outputs.
  package typealias Rows = [[Float]]

  /// Directions of the inputs of a layer, found in sums of its rows.
  package struct Own {
    /// The directions: as many numbers as inputs in each.
    package let directions: Rows
    /// The sum of squares of each model's deltas.
    package let energies: [Double]
    /// Whether they are a basis.
    package let isOrthonormal: Bool
  }

  /// Rows added up into a few, with signs.
  ///
  /// Formula: of n rows row i is added to sum (i + o) modulo m with the sign + where the draw of `dare`, for the
  /// first model and position i, reaches 2^23; o is the draw for i - i modulo m, modulo 2^23 and m. If n is m or
  /// less, rows are their own sums. Sums run over the rows of a block in order, then over blocks.
  ///
  /// - Parameters:
  ///   - deltas: The rows.
  ///   - count: m.
  ///   - seed: What signs are drawn from.
  ///   - tensor: The layer's name.
  ///   - blockElements: About how many elements a block has.
  /// - Returns: The sums, and the sum of squares.
  package static func rowSums(
    of deltas: Rows, count: Int, seed: UInt64, tensor: String, blockElements: Int = 1 << 24
  ) -> (sums: Rows, energy: Double) {
    let columns = deltas.first?.count ?? 0
    let zeros = Rows(repeating: [Float](repeating: 0, count: columns), count: count)
    func draw(_ row: Int) -> Int {
      Int(dareDraw(seed: seed, model: 0, tensor: tensor, index: row))
    }
    var (total, energy) = (Rows(), 0.0)
    let step = max(1, blockElements / max(columns, 1))
    for first in stride(from: 0, to: deltas.count, by: step) {
      var (sums, own) = (zeros, 0.0)
      for row in first..<min(first + step, deltas.count) {
        let isWhole = deltas.count == count
        let offset = isWhole ? 0 : draw(row - row % count) % (1 << 23) % count
        let place = (row + offset) % count
        let isPositive = isWhole || draw(row) >= 1 << 23
        sums[place] = zip(sums[place], deltas[row]).map { isPositive ? $0 + $1 : $0 - $1 }
        own += squares(deltas[row][...])
      }
      total = total.isEmpty ? sums : zip(total, sums).map { zip($0, $1).map(+) }
      energy += own
    }
    return (total, energy)
  }

  /// Directions of the inputs of a layer that deltas of one or more models lie along.
  ///
  /// Formula, with B the sums of rows of all models, each divided by the norm of its model's deltas, and T = B
  /// transpose(B) divided by its trace: X of signs, then three times X = a basis of X T; X B, or a basis of it.
  /// Signs are drawn at positions behind the rows.
  ///
  /// - Parameters:
  ///   - models: The deltas of each.
  ///   - rank: How many directions are asked for of each.
  ///   - isOrthonormal: Whether a basis is asked for.
  ///   - seed: What signs are drawn from.
  ///   - tensor: The layer's name.
  ///   - blockElements: About how many elements a block of rows has.
  /// - Returns: What is found.
  package static func own(
    of models: [Rows], rank: Int, isOrthonormal: Bool, seed: UInt64, tensor: String,
    blockElements: Int = 1 << 24
  ) -> Own {
    let (rowCount, columns) = (models[0].count, models[0].first?.count ?? 0)
    let width = min(models.count * min(rank, rowCount), columns)
    var (rows, energies) = (Rows(), [Double]())
    for deltas in models {
      let (sums, energy) = rowSums(
        of: deltas, count: min(rowCount, max(128, 4 * rank)), seed: seed, tensor: tensor,
        blockElements: blockElements)
      energies.append(energy)
      guard energy > 0 else { continue }
      let scale = Float(1 / energy.squareRoot())
      rows += sums.map { $0.map { $0 * scale } }
    }
    guard !rows.isEmpty, width > 0 else {
      return Own(directions: [], energies: energies, isOrthonormal: isOrthonormal)
    }
    let products = rows.map { ScalarKernels.projected($0, rows) }
    let trace = rows.indices.reduce(0.0) { $0 + products[$1][$1] }
    let square = products.map { $0.map { trace > 0 ? Float($0 / trace) : 0 } }
    var left: Rows = (0..<width).map { row in
      rows.indices.map { column in
        let position = rowCount + row * rows.count + column
        let draw = dareDraw(seed: seed, model: 0, tensor: tensor, index: position)
        return draw >= 1 << 23 ? 1 : -1
      }
    }
    for _ in 0..<3 { left = basis(product(left, square)) }
    let found = product(left, rows)
    return Own(
      directions: isOrthonormal ? basis(found) : found, energies: energies,
      isOrthonormal: isOrthonormal)
  }

  static func product(_ left: Rows, _ right: Rows) -> Rows {
    let flat = ScalarKernels.product(
      left.flatMap(\.self), right.flatMap(\.self), rank: right.count, scale: 1)
    let columns = right[0].count
    return left.indices.map { Array(flat[$0 * columns..<($0 + 1) * columns]) }
  }

  /// A basis of rows, rounded to Float32.
  package static func basis(_ rows: Rows) -> Rows {
    orthonormalised(rows.map { $0.map { Double($0) } }).map { $0.map { Float($0) } }
  }

  /// The sum of squares in Double: element i adds to sum i modulo 16, and the sums are added in order.
  package static func squares(_ values: ArraySlice<Float>) -> Double {
    var sums = [Double](repeating: 0, count: 16)
    for (index, value) in values.enumerated() {
      sums[index % 16] += Double(value) * Double(value)
    }
    return sums.reduce(0, +)
  }

  /// A basis of vectors by Gram and Schmidt: each against those before it, up to three times while less than half
  /// of it is left; zeros for a vector of which less than 1e-10 is left.
  package static func orthonormalised(_ vectors: [[Double]]) -> [[Double]] {
    var found: [[Double]] = []
    for vector in vectors {
      var own = vector
      let norm = ScalarKernels.dot(own, own).squareRoot()
      var left = norm
      for _ in 0..<3 {
        for other in found {
          let share = ScalarKernels.dot(other, own)
          own = zip(own, other).map { $0 - share * $1 }
        }
        let before = left
        left = ScalarKernels.dot(own, own).squareRoot()
        if left >= 0.5 * before || left <= 1e-10 * norm { break }
      }
      found.append(own.map { left > 1e-10 * norm ? $0 / left : 0 })
    }
    return found
  }

  /// What is kept of a row, changed so that it makes up for what is not.
  ///
  /// Formula: with Y the directions, a column each: e = (d - k) Y, A = transpose(Y_S) Y_S + ridge * mean(diagonal) I,
  /// k_S + Y_S inverse(A) e; a row of which nothing is kept stays.
  ///
  /// - Parameters:
  ///   - deltas: The row's deltas d.
  ///   - kept: What is kept of them, k; S are those that are not zero.
  ///   - directions: The directions.
  ///   - ridge: What is added to the diagonal, as a share of its mean.
  /// - Returns: The row.
  package static func compensated(
    _ deltas: [Float], kept: [Float], along directions: Rows, ridge: Double
  ) -> [Float] {
    let byInputs = kept.indices.map { input in directions.map { Double($0[input]) } }
    var square = ScalarKernels.gram(byInputs, where: kept)
    let width = square.count
    let trace = (0..<width).reduce(0.0) { $0 + square[$1][$1] }
    guard trace > 0 else { return kept }
    for index in 0..<width { square[index][index] += ridge * (trace / Double(width)) }
    let missing = ScalarKernels.projected(zip(deltas, kept).map { $0 - $1 }, directions)
    let weights = solution(of: square, missing).map { Float($0) }
    return ScalarKernels.corrected(kept, product([weights], directions)[0])
  }

  /// The lower factor of a symmetric matrix, with an infinite diagonal where a row depends on those before up to 1e-14
  /// of its diagonal; above the diagonal nothing is said.
  package static func factor(of matrix: [[Double]]) -> [[Double]] {
    var lower = matrix
    for row in matrix.indices {
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
    return lower
  }

  /// The solution x of A x = y for a symmetric matrix, without what depends on rows before.
  package static func solution(of matrix: [[Double]], _ right: [Double]) -> [Double] {
    let width = matrix.count
    let lower = factor(of: matrix)
    var result = right
    for row in 0..<width {
      for inner in 0..<row { result[row] -= lower[row][inner] * result[inner] }
      result[row] /= lower[row][row]
    }
    for row in (0..<width).reversed() {
      for inner in (row + 1..<width).reversed() { result[row] -= lower[inner][row] * result[inner] }
      result[row] /= lower[row][row]
    }
    return result
  }
}
