import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Rows cut by magnitude, and their norms") struct RowStageTests {
  @Test(
    "a row keeps floor((1 - rate) n) of its elements, and at least one",
    arguments: [(0.8, 10, 2), (0.9, 10, 1), (0.95, 10, 1), (0.5, 3, 1), (0, 7, 7), (0.9, 0, 0)])
  func keptCount(rate: Double, count: Int, kept: Int) {
    #expect(RowBandSelection.keptCount(rate: rate, of: count) == kept)
  }

  /// Cuts of rows that are known already; a strip gets those of the rows that it touches.
  private struct HandMadeRows: RowBandSource, RowNumberSource {
    let deltas: [Float]
    let cuts: [[Cut]]
    let columns: Int
    var numbers: [Double] = []

    private func rows(of strip: Strip) -> ClosedRange<Int> {
      strip.elements.lowerBound / columns...(strip.elements.upperBound - 1) / columns
    }

    func rowBands(of strip: Strip, model: Int) -> RowBands {
      let rows = rows(of: strip)
      let before = deltas[rows.lowerBound * columns..<strip.elements.lowerBound]
      return RowBands(
        columnCount: columns, firstRow: rows.lowerBound, partitionCount: cuts[0].count,
        cuts: cuts[rows].flatMap(\.self),
        tiesBefore: cuts[rows.lowerBound].map { cut in
          before.count { $0.magnitude.bitPattern == cut.thresholdBits }
        })
    }

    func rowNumbers(of strip: Strip, model: Int) -> RowNumbers {
      let rows = rows(of: strip)
      return RowNumbers(
        columnCount: columns, firstRow: rows.lowerBound, width: 1, values: Array(numbers[rows]))
    }
  }

  @Test("whatever the strips and tiles, with the rule among equals", arguments: TieBreak.allCases)
  func bands(tieBreak: TieBreak) throws {
    // The second strip begins inside of a row, and elements tie a lot.
    let (rows, columns, rates) = (660, 100, [0.95, 0.8])
    let deltas = someDeltas(rows * columns, seed: 17, distinct: 6)
    let selection = RowBandSelection(kernels: .best)
    let cuts = try deltas.withUnsafeBufferPointer { buffer in
      let first = try #require(buffer.baseAddress)
      return (0..<rows).map {
        selection.cuts(first + $0 * columns, count: columns, rates: rates, tieBreak: tieBreak)
      }
    }
    var run = TransformRun(deltas, columnCount: columns)
    run.partitionCount = 2
    run.tileLengths = [1024, 7, 300]
    let stage = RowBandStage(
      HandMadeRows(deltas: deltas, cuts: cuts, columns: columns), tieBreak: tieBreak)
    let found = try run.apply([stage], to: deltas)
    for (partition, rate) in rates.enumerated() {
      let expected = (0..<rows).flatMap { row -> [Bool] in
        kept(Array(deltas[row * columns..<(row + 1) * columns]), rate: rate, tieBreak)
      }
      let isSame = found.kept[partition] == expected
      #expect(isSame, "\(rate)")
      if partition == 1 { expectSame(found.values, ScalarKernels.masked(deltas, keep: expected)) }
    }
  }

  /// What is kept of a row, by sorting.
  private func kept(_ row: [Float], rate: Double, _ tieBreak: TieBreak) -> [Bool] {
    let quota = max(1, row.count - Int((rate * Double(row.count)).rounded(.up)))
    let keys = row.indices.map { index in
      let before = UInt32(row[..<index].count { $0.magnitude == row[index].magnitude })
      return tieBreak == .spread ? Reference.bitrev32(before) : before
    }
    let order = row.indices.sorted {
      (-row[$0].magnitude, keys[$0]) < (-row[$1].magnitude, keys[$1])
    }
    let (first, threshold) = (Set(order.prefix(quota)), row[order[quota - 1]].magnitude)
    return row.indices.map { index in
      switch tieBreak {
      case _ where row[index] == 0: false
      case .spread, .index: first.contains(index)
      case .drop: row[index].magnitude > threshold
      case .keep: row[index].magnitude >= threshold
      }
    }
  }

  @Test("each row is multiplied by its factor, whatever the strips and tiles")
  func factors() throws {
    let (rows, columns) = (660, 100)
    let deltas = someDeltas(rows * columns, seed: 21)
    let factors = (0..<rows).map { $0 % 3 == 0 ? 1 : Float(1 + 0.001 * Double($0)) }
    var run = TransformRun(deltas, columnCount: columns)
    run.tileLengths = [1024, 7, 300]
    let stage = RowScaleStage(
      HandMadeRows(deltas: [], cuts: [], columns: columns, numbers: factors.map { Double($0) }))
    let found = try run.apply([stage], to: deltas).values
    expectSame(found, deltas.indices.map { deltas[$0] * factors[$0 / columns] })
  }

  @Test("a factor restores the norm, and is 1 where nothing is kept")
  func factor() {
    #expect(RowScaleStage.factor(whole: 8, kept: 2, times: 1.5) == 3)
    #expect(RowScaleStage.factor(whole: 8, kept: 0, times: 1.5) == 1)
  }
}
