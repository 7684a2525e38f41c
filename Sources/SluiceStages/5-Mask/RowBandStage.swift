package import SluiceKernels

/// Over what the largest deltas are chosen.
package enum MaskUnit: String, Sendable, Hashable, CaseIterable {
  /// A linear layer as a whole.
  case tensor
  /// Each of its rows, so each output, by itself.
  case row
}

/// Where the rows that a strip touches are cut, for each partition.
package struct RowBands: Sendable {
  /// The number of elements in a row.
  package let columnCount: Int
  /// The row of the strip's first element.
  package let firstRow: Int
  /// How many partitions there are.
  package let partitionCount: Int
  /// The cuts of each row from that one on, those of its partitions side by side.
  package let cuts: [Cut]
  /// For each partition, how many elements at the threshold come before the strip in its first row.
  package let tiesBefore: [Int]

  /// Collects cuts.
  package init(
    columnCount: Int, firstRow: Int, partitionCount: Int, cuts: [Cut], tiesBefore: [Int]
  ) {
    self.columnCount = columnCount
    self.firstRow = firstRow
    self.partitionCount = partitionCount
    self.cuts = cuts
    self.tiesBefore = tiesBefore
  }
}

/// Knows where the rows of linear layers are cut by magnitude.
package protocol RowBandSource: Sendable {
  /// The cuts of the rows that a strip touches.
  func rowBands(of strip: Strip, model: Int) throws -> RowBands
}

/// Keeps the largest deltas of each row of a linear layer, for every partition at once, exact to the
/// element.
///
/// Which of several elements at a threshold are kept depends on their running number in the row.
package struct RowBandStage: DeltaTransform {
  private let source: any RowBandSource
  private let tieBreak: TieBreak
  private let zeroesDropped: Bool

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - source: Where rows are cut.
  ///   - tieBreak: Which of the elements at a threshold are kept.
  ///   - zeroesDropped: Whether dropped deltas become zero here; false where the next stage does it.
  package init(_ source: any RowBandSource, tieBreak: TieBreak, zeroesDropped: Bool = true) {
    self.source = source
    self.tieBreak = tieBreak
    self.zeroesDropped = zeroesDropped
  }

  /// The name in recipes.
  package var name: String { "row-mask" }
  /// Linear layers only.
  package var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let stage: RowBandStage
    private let model: Int
    private let kernels: Kernels
    private var rows = RowBands(
      columnCount: 1, firstRow: 0, partitionCount: 0, cuts: [], tiesBefore: [])
    private var cursors: [TieCursor] = []
    /// The row that the cursors are of.
    private var row = -1
    private let words = AlignedBuffer<UInt64>(count: Granularity.tileElements / 64 + 1, fill: 0)

    init(stage: RowBandStage, model: Int, kernels: Kernels) {
      self.stage = stage
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) throws {
      rows = try stage.source.rowBands(of: strip, model: model)
      row = -1
      guard !rows.cuts.isEmpty else { return }
      setCursors(rows.firstRow, tiesBefore: rows.tiesBefore)
    }

    private func setCursors(_ row: Int, tiesBefore: [Int]?) {
      self.row = row
      let first = (row - rows.firstRow) * rows.partitionCount
      cursors = (0..<rows.partitionCount).map { partition in
        TieCursor(
          rows.cuts[first + partition], tieBreak: stage.tieBreak,
          tiesBefore: tiesBefore?[partition] ?? 0)
      }
    }

    func apply(to tile: DeltaTile) {
      precondition(rows.partitionCount > 0 && rows.partitionCount <= tile.partitions.count)
      tile.partitions.activeCount = rows.partitionCount
      for partition in 0..<rows.partitionCount {
        // SAFETY: the bits of a partition are as many as the tile's elements, in whole words.
        unsafe tile.partitions[partition].update(repeating: 0, count: (tile.count + 63) / 64)
      }
      var (row, column) = tile.firstElement.quotientAndRemainder(dividingBy: rows.columnCount)
      var index = 0
      while index < tile.count {
        if row != self.row { setCursors(row, tiesBefore: nil) }
        let count = min(
          tile.count - index, rows.columnCount - column, Granularity.tileElements)
        for partition in cursors.indices {
          _ = unsafe kernels.select(
            tile.values + index, count: count, cursor: &cursors[partition], keep: words.pointer)
          unsafe words.pointer.orBits(count, into: tile.partitions[partition], at: index)
        }
        index += count
        column += count
        if column == rows.columnCount { (row, column) = (row + 1, 0) }
      }
      guard stage.zeroesDropped else { return }
      // The last partition contains the others.
      unsafe kernels.applyMask(
        tile.values, count: tile.count, keep: tile.partitions[rows.partitionCount - 1])
    }
  }
}

extension UnsafeMutablePointer<UInt64> {
  /// Sets the bits of a run that begins with a word where they belong in another, which has zeros there.
  fileprivate func orBits(
    _ count: Int, into target: UnsafeMutablePointer<UInt64>, at position: Int
  ) {
    let (first, shift) = (position / 64, UInt64(position % 64))
    for word in 0..<(count + 63) / 64 {
      // SAFETY: the caller guarantees room for the bits; what is shifted out is 0 past the last.
      let bits = unsafe self[word]
      unsafe target[first + word] |= bits << shift
      if shift > 0, bits >> (64 - shift) != 0 {
        unsafe target[first + word + 1] |= bits >> (64 - shift)
      }
    }
  }
}
