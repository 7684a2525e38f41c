import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels on thin matrices") struct ThinTests {
  static let shapes = [(1, 1), (5, 3), (17, 8), (100, 16), (33, 21)]

  /// Values of which some are zero, and a matrix with a row for each.
  private func inputs(_ shape: (count: Int, width: Int)) -> (
    values: [Float], matrix: [[Double]], weights: [Double]
  ) {
    var random = RepeatableGenerator(seed: UInt64(shape.count * 100 + shape.width))
    let values = (0..<shape.count).map { _ in
      random.chance(0.3) ? Float(random.choice([0, -0.0])) : Float(random.gaussian())
    }
    let matrix = (0..<shape.count).map { _ in (0..<shape.width).map { _ in random.gaussian() } }
    return (values, matrix, (0..<shape.width).map { _ in random.gaussian() })
  }

  @Test("are the scalar functions at every level", arguments: shapes)
  func compare(shape: (count: Int, width: Int)) {
    let (values, matrix, weights) = inputs(shape)
    let (count, width) = shape
    let flat = matrix.flatMap(\.self)
    for kernels in allKernels {
      let (elements, rows) = (Block(values), Block(flat, after: 7))
      let factors = Block(weights, after: 7)
      let sums = Block([Double](repeating: 0, count: width), after: 7)
      kernels.project(
        elements.pointer, count: count, on: rows.pointer, width: width, to: sums.pointer)
      #expect(sums.values == ScalarKernels.projected(values, matrix))
      let square = Block([Double](repeating: 0, count: width * width), after: 7)
      kernels.addGram(
        of: rows.pointer, width: width, where: elements.pointer, count: count, to: square.pointer)
      let gram = ScalarKernels.gram(matrix, where: values)
      for row in 0..<width {
        let lower = Array(square.values[row * width...row * width + row])
        #expect(lower == Array(gram[row][...row]), "\(kernels.level.name)")
      }
      let other = Block(matrix.map { Float($0[0]) })
      var runs: [UnsafePointer<Float>] = [
        UnsafePointer(other.pointer), UnsafePointer(elements.pointer),
      ]
      let blended = Block<Float>(repeating: 12345, count: count)
      for width in [0, width] {
        let shares = Block([0.3, 1.1], after: 7)
        kernels.blend(
          &runs, shares: shares.pointer, modelCount: 2, from: 0, count: count, along: rows.pointer,
          weights: factors.pointer, width: width, into: blended.pointer)
        let expected = ScalarKernels.blended(
          [other.values, values], shares: [0.3, 1.1], matrix, width == 0 ? [] : weights)
        #expect(blended.values == expected)
        shares.keep()
      }
      other.keep()
      let corrected = Block(values)
      kernels.correct(
        corrected.pointer, count: count, by: rows.pointer, weights: factors.pointer, width: width)
      #expect(
        corrected.values.map(\.bitPattern)
          == ScalarKernels.corrected(values, matrix, weights).map(\.bitPattern))
      kernels.spread(
        elements.pointer, count: count, weights: factors.pointer, width: width, to: rows.pointer)
      #expect(rows.values == ScalarKernels.spread(values, weights, to: matrix).flatMap(\.self))
      let dot = kernels.dot(rows.pointer, rows.pointer, count: count * width)
      #expect(dot == ScalarKernels.dot(rows.values, rows.values))
      for block in [sums, square, rows, factors] { #expect(block.isMarkUntouched) }
      #expect(elements.isMarkUntouched && corrected.isMarkUntouched)
    }
  }

  @Test("take several rows one after the other", arguments: [1, 3, 4, 9])
  func rows(rowCount: Int) {
    let (count, width) = (37, 11)
    let all = (0..<rowCount).map { row in inputs((count + row, width)).values.prefix(count) }
    let values = all.map { Array($0) }
    let (_, matrix, _) = inputs((count, width))
    let weights = (0..<rowCount).map { row in matrix[row].map { $0 + Double(row) } }
    for kernels in allKernels {
      let elements = Block(values.flatMap(\.self))
      let rows = Block(matrix.flatMap(\.self), after: 7)
      let sums = Block([Double](repeating: 0, count: rowCount * width), after: 7)
      kernels.project(
        elements.pointer, rowCount: rowCount, count: count, on: rows.pointer, width: width,
        to: sums.pointer)
      let projected = values.flatMap { ScalarKernels.projected($0, matrix) }
      #expect(sums.values == projected && sums.isMarkUntouched)
      let factors = Block(weights.flatMap(\.self), after: 7)
      kernels.spread(
        elements.pointer, rowCount: rowCount, count: count, weights: factors.pointer, width: width,
        to: rows.pointer)
      var spread = matrix
      for row in 0..<rowCount {
        spread = ScalarKernels.spread(values[row], weights[row], to: spread)
      }
      #expect(rows.values == spread.flatMap(\.self) && rows.isMarkUntouched)
      factors.keep()
    }
  }

  @Test("go on where a run is cut") func pieces() {
    let (values, matrix, _) = inputs((100, 16))
    for kernels in allKernels {
      let (elements, rows) = (Block(values), Block(matrix.flatMap(\.self), after: 7))
      let sums = Block([Double](repeating: 0, count: 16), after: 7)
      for piece in [0..<37, 37..<100] {
        kernels.project(
          elements.pointer + piece.lowerBound, count: piece.count,
          on: rows.pointer + 16 * piece.lowerBound, width: 16, to: sums.pointer)
      }
      #expect(sums.values == ScalarKernels.projected(values, matrix))
    }
  }
}
