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
  private let ringFactors: RingFactors?

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - cuts: Where each partition's rate cuts each tensor.
  ///   - tieBreak: Which of the elements at a threshold are kept.
  ///   - ringFactors: What the deltas that are kept are multiplied by in the same walk, where the next stage is an
  ///     `AmplifyStage` that has nothing left to do.
  package init(cuts: any CutSource, tieBreak: TieBreak, ringFactors: RingFactors? = nil) {
    self.cuts = cuts
    self.tieBreak = tieBreak
    self.ringFactors = ringFactors
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
    private let cuts: MovingCuts
    private var cursors: [TieCursor] = []
    private var factors: [Float] = []
    private let multiplies: Bool

    init(stage: MaskStage, model: Int, kernels: Kernels) {
      self.stage = stage
      self.model = model
      self.kernels = kernels
      cuts = MovingCuts(capacity: stage.cuts.partitionCount)
      multiplies = stage.ringFactors != nil
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      cursors.removeAll(keepingCapacity: true)
      for stripCut in stage.cuts.cuts(of: strip, model: model) {
        cursors.append(
          TieCursor(stripCut.cut, tieBreak: stage.tieBreak, tiesBefore: stripCut.tiesBefore))
      }
      if let rings = stage.ringFactors, factors.count != cursors.count {
        factors = rings.factors(model: model, partitionCount: cursors.count)
      }
      cuts.begin(cursors, factors: factors)
    }

    func apply(to tile: DeltaTile) {
      let count = cuts.count
      precondition(count > 0 && count <= tile.partitions.count)
      tile.partitions.activeCount = count
      if multiplies {
        return unsafe kernels.selectAndPrune(
          tile.values, count: tile.count, cuts: cuts, keep: tile.partitions.filledPointers)
      }
      for partition in 0..<count {
        unsafe kernels.select(
          tile.values, count: tile.count, cuts: cuts, at: partition,
          keep: tile.partitions[partition])
      }
      // The last partition contains the others.
      unsafe kernels.applyMask(
        tile.values, count: tile.count, keep: tile.partitions[count - 1])
    }
  }
}
