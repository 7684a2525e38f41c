import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels on thin matrices") struct ThinTests {
  static let shapes = [
    (1, 1), (5, 3), (17, 8), (100, 16), (33, 21), (600, 7), (1030, 5), (530, 45),
  ]

  private func rows(_ count: Int, _ length: Int, seed: UInt64) -> [[Float]] {
    var random = RepeatableGenerator(seed: seed)
    return (0..<count).map { _ in
      (0..<length).map { _ in
        random.chance(0.3) ? random.choice([0, -0.0]) : Float(random.gaussian())
      }
    }
  }

  private func panels(_ rows: [[Float]]) -> Block<Float> {
    let columns = rows[0].count
    let panels = Block<Float>(
      repeating: 0, count: FactorProduct.panelElements(rank: rows.count, columns: columns))
    for (position, row) in rows.enumerated() {
      row.withUnsafeBufferPointer { row in
        row.baseAddress.map {
          Kernels.place(
            $0, columns: 0..<columns, position: position, rank: rows.count, into: panels.pointer)
        }
      }
    }
    return panels
  }

  @Test("project rows as the scalar function does", arguments: shapes, [1, 3, 4, 9])
  func project(shape: (count: Int, width: Int), rowCount: Int) {
    let values = rows(rowCount, shape.count, seed: UInt64(shape.count))
    let directions = rows(shape.width, shape.count, seed: UInt64(shape.width))
    let expected = values.flatMap { ScalarKernels.projected($0, directions) }
    let panels = panels(directions)
    for kernels in allKernels {
      let elements = Block(values.flatMap(\.self))
      let sums = Block([Double](repeating: 7, count: rowCount * shape.width), after: 7)
      kernels.project(
        elements.pointer, rowCount: rowCount, count: shape.count, on: panels.pointer,
        width: shape.width, to: sums.pointer)
      #expect(sums.values == expected, "\(kernels.level.name)")
      #expect(sums.isMarkUntouched && elements.isMarkUntouched)
      let first = (shape.width + 1) / 2
      let some = Block([Double](repeating: 7, count: rowCount * shape.width), after: 7)
      kernels.project(
        elements.pointer, rowCount: rowCount, count: shape.count, on: panels.pointer,
        width: shape.width, directionCount: first, to: some.pointer)
      let half = expected.enumerated().map { $0 % shape.width < first ? $1 : 7 }
      #expect(some.values == half && some.isMarkUntouched, "\(kernels.level.name)")
    }
    panels.keep()
  }

  @Test("are the scalar functions at every level", arguments: shapes)
  func compare(shape: (count: Int, width: Int)) {
    let (count, width) = shape
    let all = rows(3, count, seed: UInt64(count * 100 + width))
    let values = all[0]
    var random = RepeatableGenerator(seed: 8)
    let matrix = (0..<count).map { _ in (0..<width).map { _ in random.gaussian() } }
    for kernels in allKernels {
      let (elements, numbers) = (Block(values), Block(matrix.flatMap(\.self), after: 7))
      let square = Block([Double](repeating: 0, count: width * width), after: 7)
      kernels.addGram(
        of: numbers.pointer, width: width, where: elements.pointer, count: count,
        to: square.pointer)
      let gram = ScalarKernels.gram(matrix, where: values)
      for row in 0..<width {
        let lower = Array(square.values[row * width...row * width + row])
        #expect(lower == Array(gram[row][...row]), "\(kernels.level.name)")
      }
      let other = Block(all[1])
      var runs: [UnsafePointer<Float>] = [
        UnsafePointer(other.pointer), UnsafePointer(elements.pointer),
      ]
      for continues in [false, true] {
        let blended = Block(all[2])
        let shares = Block([0.3, 1.1], after: 7)
        kernels.blend(
          &runs, shares: shares.pointer, modelCount: 2, from: 0, count: count,
          into: blended.pointer, continues: continues)
        let expected = ScalarKernels.blended(
          [all[1], values], shares: [0.3, 1.1], added: continues ? all[2] : nil)
        #expect(blended.values.map(\.bitPattern) == expected.map(\.bitPattern))
        #expect(blended.isMarkUntouched)
        shares.keep()
      }
      other.keep()
      let (corrected, added) = (Block(values), Block(all[1]))
      kernels.correct(corrected.pointer, count: count, by: added.pointer)
      #expect(
        corrected.values.map(\.bitPattern)
          == ScalarKernels.corrected(values, all[1]).map(\.bitPattern))
      let dot = kernels.dot(numbers.pointer, numbers.pointer, count: count * width)
      #expect(dot == ScalarKernels.dot(numbers.values, numbers.values))
      added.keep()
      for block in [square, numbers] { #expect(block.isMarkUntouched) }
      #expect(elements.isMarkUntouched && corrected.isMarkUntouched)
    }
  }
}
