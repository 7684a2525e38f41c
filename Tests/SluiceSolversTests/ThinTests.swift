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

  @Test("a basis of vectors", arguments: [(1, 1), (4, 9), (16, 40), (4, 4)])
  func basis(shape: (count: Int, length: Int)) {
    var vectors = matrix(shape.count, shape.length, seed: 3)
    if shape.count > 2 {
      // The last depends on others, and one is zero.
      vectors[shape.count - 1] = vectors[0].map { 2 * $0 }
      vectors[1] = vectors[1].map { _ in 0 }
    }
    let expected = Reference.orthonormalised(vectors)
    for kernels in ThinTests.levels {
      let found = changed(vectors) {
        ThinBasis.orthonormalise(
          $0, count: shape.count, length: shape.length, kernels: kernels)
      }
      #expect(found == expected.flatMap(\.self))
    }
    for a in 0..<shape.count {
      for b in 0..<shape.count {
        let dot = zip(expected[a], expected[b]).reduce(0) { $0 + $1.0 * $1.1 }
        let isNone = shape.count > 2 && (a == 1 || a == shape.count - 1)
        #expect(abs(dot - (a == b && !isNone ? 1 : 0)) < 1e-12, "\(a) \(b)")
      }
    }
  }

  @Test("directions that hold what rows lie along, whatever blocks they are added up in")
  func directions() {
    var random = RepeatableGenerator(seed: 4)
    let strong = (0..<3).map { _ in (0..<40).map { _ in random.gaussian() } }
    let rows: Reference.Rows = (0..<300).map { _ in
      let shares = strong.map { _ in random.gaussian() }
      return (0..<40).map { column in
        Float(0.05 * random.gaussian() + zip(strong, shares).reduce(0) { $0 + $1.0[column] * $1.1 })
      }
    }
    for blockElements in [1 << 24, 4000] {
      let own = Reference.own(
        of: [rows], rank: 3, isOrthonormal: true, seed: 0, tensor: "a",
        blockElements: blockElements)
      let held = rows.reduce(0.0) { sum, row in
        ScalarKernels.projected(row, own.directions).reduce(sum) { $0 + $1 * $1 }
      }
      #expect(held > 0.99 * own.energies[0] && held <= own.energies[0] * 1.000001)
    }
  }

  @Test(
    "a solution, without what cannot be told apart", arguments: [1, 2, 7, 16, 37], [false, true])
  func solution(width: Int, isSingular: Bool) {
    var rows = matrix(width + 3, width, seed: 5)
    if isSingular { for row in rows.indices { rows[row][width - 1] = 0 } }
    let gram = ScalarKernels.gram(rows, where: rows.map { _ in 1 })
    let right = matrix(1, width, seed: 6)[0]
    let expected = Reference.solution(of: gram, right)
    for kernels in ThinTests.levels {
      let found = changed([right]) { vector in
        let factor = changed(gram) {
          SmallCholesky.factorise($0, width: width, kernels: kernels)
        }
        factor.withUnsafeBufferPointer { factor in
          factor.baseAddress.map { SmallCholesky.solve($0, width: width, vector) }
        }
      }
      #expect(found == expected)
    }
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
    let directions: Reference.Rows = matrix(rank, columns, seed: 12).map { $0.map { Float($0) } }
    let expected = Reference.compensated(deltas, kept: kept, along: directions, ridge: 0.01)
    for kernels in ThinTests.levels {
      let rule = RowCompensation(columnCount: columns, rank: rank, ridge: 0.01, kernels: kernels)
      var values = kept
      let panels = AlignedBuffer<Float>(
        count: FactorProduct.panelElements(rank: rank, columns: columns), fill: 0)
      for (position, row) in directions.enumerated() {
        row.withUnsafeBufferPointer { row in
          row.baseAddress.map {
            Kernels.place(
              $0, columns: 0..<columns, position: position, rank: rank, into: panels.pointer)
          }
        }
      }
      let byInputs = (0..<columns).flatMap { column in directions.map { Double($0[column]) } }
      _ = changed([[Double](repeating: 7, count: rank)]) { weights in
        byInputs.withUnsafeBufferPointer { matrix in
          deltas.withUnsafeBufferPointer { deltas in
            values.withUnsafeMutableBufferPointer { values in
              guard let matrix = matrix.baseAddress, let deltas = deltas.baseAddress,
                let values = values.baseAddress
              else { return }
              rule.solve(
                deltas, values, rowCount: 1, count: columns, along: panels.pointer, matrix,
                width: rank, into: weights, stride: rank)
            }
          }
        }
        let left = (0..<rank).map { Float(weights[$0]) }
        let added = ScalarKernels.product(
          left, directions.flatMap(\.self), rank: rank, scale: 1)
        values = ScalarKernels.corrected(values, added)
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
