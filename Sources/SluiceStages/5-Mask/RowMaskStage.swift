public import SluiceKernels

/// Where one output row of a linear layer is cut: an element stays if its score is above the
/// threshold, or equal to it in a column from `firstTiedColumn` on.
public struct RowCut: Sendable, Hashable {
  /// The bits of the smallest kept score.
  public let thresholdBits: UInt32
  /// The first column in which an element at the threshold stays.
  public let firstTiedColumn: UInt32

  /// Describes a cut.
  ///
  /// - Parameters:
  ///   - thresholdBits: The bits of the smallest kept score.
  ///   - firstTiedColumn: The first column in which an element at the threshold stays.
  public init(thresholdBits: UInt32, firstTiedColumn: UInt32) {
    self.thresholdBits = thresholdBits
    self.firstTiedColumn = firstTiedColumn
  }
}

/// The cuts of the rows that a strip touches, and the norms of their inputs.
public struct RowCuts: Sendable {
  /// The norm of each input, one for each column.
  public let norms: [Float]
  /// The row of the strip's first element.
  public let firstRow: Int
  /// The cut of each row from that one on.
  public let cuts: [RowCut]

  /// Collects cuts.
  ///
  /// - Parameters:
  ///   - norms: The norm of each input.
  ///   - firstRow: The row of the strip's first element.
  ///   - cuts: The cut of each row from that one on.
  public init(norms: [Float], firstRow: Int, cuts: [RowCut]) {
    self.norms = norms
    self.firstRow = firstRow
    self.cuts = cuts
  }
}

/// Knows where the rows of linear layers are cut.
public protocol RowCutSource: Sendable {
  /// The cuts of the rows that a strip touches.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: The cuts.
  /// - Throws: `StageError` if they cannot be read.
  func rowCuts(of strip: Strip, model: Int) throws -> RowCuts
}

/// The score of a delta in Wanda's sense.
public enum RowScore {
  /// Formula: |delta| * norm, rounded to Float32.
  ///
  /// - Parameters:
  ///   - delta: The delta.
  ///   - norm: The norm of the input that it is multiplied with.
  /// - Returns: The bits of the score, which order as the scores do.
  @inline(__always)
  public static func bits(_ delta: Float, norm: Float) -> UInt32 {
    (delta.magnitude * norm).bitPattern
  }
}

/// Keeps the deltas of largest score in each output row: Wanda (arXiv 2306.11695), section 3, with
/// the delta in the place of the weight.
public struct RowMaskStage: DeltaTransform {
  private let source: any RowCutSource

  /// Makes the stage.
  ///
  /// - Parameter source: Where each row is cut.
  public init(_ source: any RowCutSource) { self.source = source }

  /// The name in recipes.
  public var name: String { "row-mask" }
  /// Linear layers only.
  public var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  ///
  /// - Parameters:
  ///   - model: The position of the fine-tuned model.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
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

    func begin(_ strip: Strip) throws {
      rows = try source.rowCuts(of: strip, model: model)
    }

    func apply(to block: DeltaBlock) {
      let columns = rows.norms.count
      var (row, column) = block.firstElement.quotientAndRemainder(dividingBy: columns)
      var index = 0
      while index < block.count {
        let cut = rows.cuts[row - rows.firstRow]
        let end = min(block.count, index + columns - column)
        while index < end {
          // SAFETY: the index is below the block's count.
          let bits = unsafe RowScore.bits(block.values[index], norm: rows.norms[column])
          let stays =
            bits > cut.thresholdBits
            || (bits == cut.thresholdBits && column >= Int(cut.firstTiedColumn))
          if !stays { unsafe block.values[index] = 0 }
          index += 1
          column += 1
        }
        (row, column) = (row + 1, 0)
      }
    }
  }
}
