package import SluiceCore
package import SluiceKernels

/// Makes up for deltas that were dropped: the sum of magnitudes of each tensor becomes what it was.
///
/// Formula: d = R(d f) with f = R(R(sum before) / R(sum after)), not at all where either sum is below 1e-7; the
/// sums are exact. Where deltas are drawn, or sums exceed what F16 holds, they and the factor are rounded to Float32 instead of F16.
/// Source: mergekit's rescale, which is not the 1 / density of DARE (arXiv 2311.03099).
package struct StepRescaleStage: DeltaTransform {
  private let setup: StepSetup
  private let sums: MaskSums?
  private let isDrawn: Bool

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - setup: What is known of the merge.
  ///   - sums: The sums before and after; nil where only the stage's name counts.
  ///   - isDrawn: Whether deltas are dropped at random.
  package init(_ setup: StepSetup, sums: MaskSums?, isDrawn: Bool) {
    self.setup = setup
    self.isDrawn = isDrawn
    self.sums = sums
  }

  /// The name in plans.
  package var name: String { "rescale" }
  /// All tensors that are merged.
  package var scope: TransformScope { .all }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(self, model: model, kernels: kernels)
  }

  /// The factor of a tensor whose sums are known; nil where it stays as it is.
  package static func factor(
    whole: Double, kept: Double, _ dtype: DType, isDrawn: Bool
  ) -> Float? {
    let type = dtype == .f16 && (isDrawn || max(whole, kept) > 65504) ? .f32 : dtype
    let (whole, kept) = (
      StepArithmetic.rounded(Float(whole), to: type), StepArithmetic.rounded(Float(kept), to: type)
    )
    guard whole >= 1e-7, kept >= 1e-7 else { return nil }
    return StepArithmetic.rounded(whole / kept, to: type)
  }

  private final class Lane: LaneTransform {
    private let stage: StepRescaleStage
    private let model: Int
    private let kernels: Kernels
    private var factor: Float?
    private var dtype = DType.f32

    init(_ stage: StepRescaleStage, model: Int, kernels: Kernels) {
      (self.stage, self.model, self.kernels) = (stage, model, kernels)
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      factor = nil
      dtype = stage.setup.working.dtype(of: strip.task)
      // A tensor of which nothing is dropped is left alone, whatever its sums are.
      guard let sums = stage.sums?.sums(of: strip.task, model: model),
        stage.setup.holds("rescale", strip.task),
        stage.setup.number("density", strip.task, model: model) < 1
      else { return }
      factor = StepRescaleStage.factor(
        whole: sums.whole, kept: sums.kept, dtype, isDrawn: stage.isDrawn)
    }

    var changesNothing: Bool { factor == nil }

    func apply(to tile: DeltaTile) {
      guard let factor else { return }
      unsafe kernels.take(
        .multiply, tile.values, nil, number: factor, into: tile.values, count: tile.count,
        roundedTo: dtype)
    }
  }
}
