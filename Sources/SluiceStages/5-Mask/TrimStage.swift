package import SluiceKernels

/// Keeps the largest deltas of linear layers and dense tensors.
///
/// Source: the trim of TIES (arXiv 2306.01708), section 4, step 1. It comes after the pruning and leaves the partitions alone.
package struct TrimStage: DeltaTransform {
  private let cuts: any CutSource
  private let tieBreak: TieBreak

  /// Makes the stage.
  package init(cuts: any CutSource, tieBreak: TieBreak) {
    self.cuts = cuts
    self.tieBreak = tieBreak
  }

  /// The name in recipes.
  package var name: String { "trim" }
  /// All tensors that are merged.
  package var scope: TransformScope { .all }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let stage: TrimStage
    private let model: Int
    private let kernels: Kernels
    private let keep = AlignedBuffer<UInt64>(count: Granularity.tileElements / 64, fill: 0)
    private var cursor: TieCursor?

    init(stage: TrimStage, model: Int, kernels: Kernels) {
      self.stage = stage
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      cursor = stage.cuts.cuts(of: strip, model: model).first.map { stripCut in
        TieCursor(stripCut.cut, tieBreak: stage.tieBreak, tiesBefore: stripCut.tiesBefore)
      }
    }

    func apply(to tile: DeltaTile) {
      guard var cursor else { return }
      for start in stride(from: 0, to: tile.count, by: Granularity.tileElements) {
        let count = min(Granularity.tileElements, tile.count - start)
        // SAFETY: a piece has no more elements than the keep words, and lies in the tile.
        let values = unsafe tile.values + start
        _ = unsafe kernels.select(values, count: count, cursor: &cursor, keep: keep.pointer)
        unsafe kernels.applyMask(values, count: count, keep: keep.pointer)
      }
      self.cursor = cursor
    }
  }
}
