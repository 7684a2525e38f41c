package import SluiceKernels

/// A cut as one strip sees it.
package struct StripCut: Sendable, Hashable {
  /// The cut of the whole tensor.
  package let cut: Cut
  /// How many elements of earlier strips equal the threshold.
  package let tiesBefore: Int

  /// Describes a cut.
  package init(cut: Cut, tiesBefore: Int) {
    self.cut = cut
    self.tiesBefore = tiesBefore
  }
}

/// Knows where each partition's rate cuts a tensor.
package protocol CutSource: Sendable {
  /// The number of partitions.
  var partitionCount: Int { get }

  /// The cuts of a strip, most severe partition first.
  func cuts(of strip: Strip, model: Int) -> [StripCut]
}

/// Keeps the largest deltas of each linear layer and sets the others to zero, for every partition at
/// once: dynamic pruning (DPPA section 3.2), exact to the element.
///
/// Which of several elements at a threshold are kept depends on their running number in the tensor,
/// so the tiles of a strip come in order, and a strip knows the ties of those before it.
package struct MaskStage: DeltaTransform {
  private let cuts: any CutSource
  private let tieBreak: TieBreak
  private let zeroesDropped: Bool

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - cuts: Where each partition's rate cuts each tensor.
  ///   - tieBreak: Which of the elements at a threshold are kept.
  ///   - zeroesDropped: Whether dropped deltas become zero here; false where the next stage is an
  ///     `AmplifyStage` that does it in the same pass.
  package init(cuts: any CutSource, tieBreak: TieBreak, zeroesDropped: Bool = true) {
    self.cuts = cuts
    self.tieBreak = tieBreak
    self.zeroesDropped = zeroesDropped
  }

  /// The name in recipes.
  package var name: String { "mask" }
  /// Linear layers only.
  package var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let stage: MaskStage
    private let model: Int
    private let kernels: Kernels
    private var cursors: [TieCursor] = []

    init(stage: MaskStage, model: Int, kernels: Kernels) {
      self.stage = stage
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      cursors = stage.cuts.cuts(of: strip, model: model).map { stripCut in
        TieCursor(stripCut.cut, tieBreak: stage.tieBreak, tiesBefore: stripCut.tiesBefore)
      }
    }

    func apply(to tile: DeltaTile) {
      // Taken out for as long as they move: each change inside a property is guarded as it happens.
      var moving: [TieCursor] = []
      swap(&moving, &cursors)
      defer { swap(&moving, &cursors) }
      precondition(!moving.isEmpty && moving.count <= tile.partitions.count)
      tile.partitions.activeCount = moving.count
      for partition in moving.indices {
        _ = unsafe kernels.select(
          tile.values, count: tile.count, cursor: &moving[partition],
          keep: tile.partitions[partition])
      }
      guard stage.zeroesDropped else { return }
      // The last partition contains the others.
      unsafe kernels.applyMask(
        tile.values, count: tile.count, keep: tile.partitions[moving.count - 1])
    }
  }
}
