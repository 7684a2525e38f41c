import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels on factors") struct ProductTests {
  private static let shapes: [(rows: Int, rank: Int, columns: Int)] = [
    (1, 1, 1), (3, 4, 31), (8, 8, 32), (9, 5, 33), (17, 16, 100), (16, 7, 256),
    (2, 64, 77), (5, 200, 48),
  ]

  /// A right factor in panels.
  private func panels(_ right: [Float], rank: Int) -> Block<Float> {
    let columns = right.count / rank
    let block = Block<Float>(
      [Float](
        repeating: .nan, count: FactorProduct.panelElements(rank: rank, columns: columns)))
    for k in 0..<rank {
      let row = Array(right[k * columns..<(k + 1) * columns])
      Kernels.place(row, columns: 0..<columns, position: k, rank: rank, into: block.pointer)
    }
    return block
  }

  @Test(
    "A product adds in the order of the rank, at every level", arguments: shapes, [false, true])
  func product(_ shape: (rows: Int, rank: Int, columns: Int), isFused: Bool) {
    for content in [BlockContent.bellShaped, .subnormal, .signedZeros, .overHalfRange] {
      let left = content.values(shape.rows * shape.rank, seed: 3)
      let right = content.values(shape.rank * shape.columns, seed: 4)
      let expected = ScalarKernels.product(
        left, right, rank: shape.rank, scale: 0.7, isFused: isFused)
      let panels = panels(right, rank: shape.rank)
      for kernels in allKernels {
        let (factor, out) = (Block(left), Block<Float>(repeating: 12345, count: expected.count))
        var product = FactorProduct(
          left: factor.pointer, leftStride: shape.rank, panels: panels.pointer, rank: shape.rank,
          rows: shape.rows, columns: 0..<shape.columns, out: out.pointer,
          outStride: shape.columns)
        product.scale = 0.7
        product.isFused = isFused
        kernels.multiply(product)
        #expect(out.values.patterns == expected.patterns, "\(kernels.level.name) \(shape)")
        #expect(out.isMarkUntouched)
        factor.keep()
      }
      panels.keep()
    }
  }

  @Test("Rows, columns and pieces of the rank may be cut anywhere", arguments: allKernels)
  func pieces(kernels: Kernels) {
    let (rows, rank, columns) = (11, 13, 75)
    let left = BlockContent.bellShaped.values(rows * rank, seed: 5)
    let right = BlockContent.bellShaped.values(rank * columns, seed: 6)
    let expected = ScalarKernels.product(left, right, rank: rank, scale: 1.5)
    for (rowCut, rankCut, columnCut) in [(1, 1, 1), (4, 6, 32), (10, 12, 40), (8, 3, 74)] {
      let (factor, out) = (Block(left), Block<Float>(repeating: 12345, count: expected.count))
      for piece in [0..<rankCut, rankCut..<rank] {
        let panels = panels(
          Array(right[piece.lowerBound * columns..<piece.upperBound * columns]),
          rank: piece.count)
        for row in [0..<rowCut, rowCut..<rows] {
          for column in [0..<columnCut, columnCut..<columns] {
            var product = FactorProduct(
              left: factor.pointer + row.lowerBound * rank + piece.lowerBound, leftStride: rank,
              panels: panels.pointer, rank: piece.count, rows: row.count, columns: column,
              out: out.pointer + row.lowerBound * columns + column.lowerBound, outStride: columns)
            product.continues = piece.lowerBound > 0
            product.scale = piece.upperBound == rank ? 1.5 : nil
            kernels.multiply(product)
          }
        }
        panels.keep()
      }
      #expect(out.values.patterns == expected.patterns, "\(rowCut) \(rankCut) \(columnCut)")
      #expect(out.isMarkUntouched)
      factor.keep()
    }
  }

  @Test("Squares are added to the sum of their number modulo 16")
  func squares() {
    for count in blockLengths {
      let values = BlockContent.bellShaped.values(count, seed: 7)
      var expected = [Double](repeating: 0.5, count: 16)
      for (index, value) in values.enumerated() {
        expected[index % 16] += Double(value) * Double(value)
      }
      for kernels in allKernels {
        let (block, sums) = (Block(values), Block<Double>(repeating: 0.5, count: 16))
        kernels.addSquares(block.pointer, count: count, to: sums.pointer)
        #expect(sums.values == expected, "\(kernels.level.name) \(count)")
        block.keep()
      }
    }
  }
}
