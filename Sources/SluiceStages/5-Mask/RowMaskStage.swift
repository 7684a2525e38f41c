package import SluiceKernels

/// Where one output row of a linear layer is cut: an element stays if its score is above the
/// threshold, or equal to it in a column from `firstTiedColumn` on.
package struct RowCut: Sendable, Hashable {
  /// The bits of the smallest kept score.
  package let thresholdBits: UInt32
  /// The first column in which an element at the threshold stays.
  package let firstTiedColumn: UInt32

  /// Describes a cut.
  ///
  /// - Parameters:
  ///   - thresholdBits: The bits of the smallest kept score.
  ///   - firstTiedColumn: The first column in which an element at the threshold stays.
  package init(thresholdBits: UInt32, firstTiedColumn: UInt32) {
    self.thresholdBits = thresholdBits
    self.firstTiedColumn = firstTiedColumn
  }
}

/// The cuts of the rows that a strip touches, and the norms of their inputs.
package struct RowCuts: Sendable {
  /// The norm of each input, one for each column.
  package let norms: [Float]
  /// The row of the strip's first element.
  package let firstRow: Int
  /// The cut of each row from that one on.
  package let cuts: [RowCut]

  /// Collects cuts.
  package init(norms: [Float], firstRow: Int, cuts: [RowCut]) {
    self.norms = norms
    self.firstRow = firstRow
    self.cuts = cuts
  }
}

/// Knows where the rows of linear layers are cut.
package protocol RowCutSource: Sendable {
  /// The cuts of the rows that a strip touches.
  func rowCuts(of strip: Strip, model: Int) throws -> RowCuts
}

/// The score of a delta in Wanda's sense.
package enum RowScore {
  /// Formula: |delta| * norm, rounded to Float32.
  ///
  /// - Parameters:
  ///   - delta: The delta.
  ///   - norm: The norm of the input that it is multiplied with.
  /// - Returns: The bits of the score, which order as the scores do.
  @inline(__always)
  package static func bits(_ delta: Float, norm: Float) -> UInt32 {
    (delta.magnitude * norm).bitPattern
  }
}

/// Keeps the deltas of largest score in each output row: Wanda (arXiv 2306.11695), section 3, with
/// the delta in the place of the weight.
package struct RowMaskStage: DeltaTransform {
  private let source: any RowCutSource

  /// Makes the stage.
  package init(_ source: any RowCutSource) { self.source = source }

  /// The name in recipes.
  package var name: String { "row-mask" }
  /// Linear layers only.
  package var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(source: source, model: model)
  }

  private final class Lane: LaneTransform {
    private let source: any RowCutSource
    private let model: Int
    private var rows = RowCuts(norms: [], firstRow: 0, cuts: [])

    init(source: any RowCutSource, model: Int) {
      self.source = source
      self.model = model
    }

    func begin(_ strip: Strip, statistics: [Double]) throws {
      rows = try source.rowCuts(of: strip, model: model)
    }

    func apply(to tile: DeltaTile) {
      let columns = rows.norms.count
      var (row, column) = tile.firstElement.quotientAndRemainder(dividingBy: columns)
      var index = 0
      while index < tile.count {
        let cut = rows.cuts[row - rows.firstRow]
        let end = min(tile.count, index + columns - column)
        while index < end {
          // SAFETY: the index is below the tile's count.
          let bits = unsafe RowScore.bits(tile.values[index], norm: rows.norms[column])
          let stays =
            bits > cut.thresholdBits
            || (bits == cut.thresholdBits && column >= Int(cut.firstTiedColumn))
          if !stays { unsafe tile.values[index] = 0 }
          index += 1
          column += 1
        }
        (row, column) = (row + 1, 0)
      }
    }
  }
}
