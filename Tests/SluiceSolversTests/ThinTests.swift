import SluiceKernels
import SluiceSolvers
import SluiceTestSupport
import Testing

/// Small algebra in memory against the scalar reference, bit for bit, at every vector level.
@Suite("Thin matrices and small solutions equal their references") struct ThinTests {
  private static let levels = [VectorLevel.baseline, .avx2, .avx512].compactMap {
    Kernels(level: $0)
  }

  private func matrix(_ rows: Int, _ width: Int, seed: UInt64) -> [[Double]] {
    var random = RepeatableGenerator(seed: seed)
    return (0..<rows).map { _ in (0..<width).map { _ in random.gaussian() } }
  }

  /// Calls with the numbers of a matrix, and gives what becomes of them.
  private func changed(
    _ matrix: [[Double]], _ change: (UnsafeMutablePointer<Double>) -> Void
  ) -> [Double] {
    var values = matrix.flatMap(\.self)
    values.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map(change) }
    return values
  }

  @Test("a basis of columns", arguments: [(1, 1), (9, 4), (40, 16), (4, 4)])
  func basis(shape: (rows: Int, width: Int)) {
    var matrix = matrix(shape.rows, shape.width, seed: 3)
    if shape.width > 2 {
      // The last column depends on others, and one is zero.
      for row in matrix.indices {
        matrix[row][shape.width - 1] = 2 * matrix[row][0]
        matrix[row][1] = 0
      }
    }
    let expected = Reference.orthonormalised(matrix)
    for kernels in ThinTests.levels {
      let scratch = AlignedBuffer<Double>(count: shape.rows * shape.width, fill: 0)
      let found = changed(matrix) {
        ThinBasis.orthonormalise(
          $0, rowCount: shape.rows, width: shape.width, scratch: scratch.pointer, kernels: kernels)
      }
      #expect(found == expected.flatMap(\.self))
    }
    for a in 0..<shape.width {
      for b in 0..<shape.width {
        let dot = expected.reduce(0) { $0 + $1[a] * $1[b] }
        let isNone = shape.width > 2 && (a == 1 || a == shape.width - 1)
        #expect(abs(dot - (a == b && !isNone ? 1 : 0)) < 1e-12, "\(a) \(b)")
      }
    }
  }

  @Test("a solution, without what cannot be told apart", arguments: [1, 2, 7, 16], [false, true])
  func solution(width: Int, isSingular: Bool) {
    var rows = matrix(width + 3, width, seed: 5)
    if isSingular { for row in rows.indices { rows[row][width - 1] = 0 } }
    let gram = ScalarKernels.gram(rows, where: rows.map { _ in 1 })
    let right = matrix(1, width, seed: 6)[0]
    let expected = Reference.solution(of: gram, right)
    let found = changed([right]) { vector in
      let factor = changed(gram) { SmallCholesky.factorise($0, width: width) }
      factor.withUnsafeBufferPointer { factor in
        factor.baseAddress.map { SmallCholesky.solve($0, width: width, vector) }
      }
    }
    #expect(found == expected)
    let known = isSingular ? width - 1 : width
    for (row, value) in zip(gram[..<known], right) {
      #expect(abs(zip(row, expected).reduce(0) { $0 + $1.0 * $1.1 } - value) < 1e-9)
    }
    if isSingular { #expect(expected[width - 1] == 0) }
  }

  @Test("what makes up for what is removed of a row", arguments: [0.0, 0.2, 0.6])
  func compensation(share: Double) {
    var random = RepeatableGenerator(seed: 11)
    let (columns, rank) = (50, 8)
    let deltas = (0..<columns).map { _ in Float(0.01 * random.gaussian()) }
    let kept = deltas.map { random.chance(share) ? $0 : 0 }
    let directions = matrix(columns, rank, seed: 12)
    let expected = Reference.compensated(deltas, kept: kept, along: directions, ridge: 0.01)
    for kernels in ThinTests.levels {
      let rule = RowCompensation(columnCount: columns, rank: rank, ridge: 0.01, kernels: kernels)
      var values = kept
      let matrix = directions.flatMap(\.self)
      _ = changed([[Double](repeating: 7, count: rank)]) { weights in
        matrix.withUnsafeBufferPointer { matrix in
          guard let matrix = matrix.baseAddress else { return }
          deltas.withUnsafeBufferPointer { deltas in
            guard let deltas = deltas.baseAddress else { return }
            values.withUnsafeMutableBufferPointer { values in
              guard let values = values.baseAddress else { return }
              rule.solve(
                deltas, values, count: columns, along: matrix, width: rank, into: weights)
              kernels.correct(
                values, count: columns, by: matrix, weights: weights, width: rank)
            }
          }
        }
      }
      #expect(values == expected)
    }
    // What is put out along the directions is nearly that of the whole row, where enough is kept for that.
    guard share > 0.5 else { return }
    func distance(_ row: [Float]) -> Double {
      let missing = ScalarKernels.projected(zip(deltas, row).map { $0 - $1 }, directions)
      return ScalarKernels.dot(missing, missing)
    }
    #expect(distance(expected) < 0.01 * distance(kept))
  }
}
