package import SluiceKernels

/// How the deltas that a mask leaves make up for those it removed.
package enum Rescale: String, Sendable, Hashable, CaseIterable {
  /// By 1 / (1 - rate): for masks drawn at random.
  case inverse
  /// So that the sum of |delta| of each tensor is what it was: for masks drawn at random.
  case l1
  /// So that the norm of each row is what it was, times a factor.
  case rowL2 = "row-l2"
  /// Not at all.
  case none
}

/// Knows what each tensor's deltas are multiplied by.
package protocol FactorSource: Sendable {
  /// The factor of a tensor.
  func factor(of task: TensorTask, model: Int) -> Float
}

/// The same factor for all tensors of all models.
package struct OneFactor: FactorSource {
  private let factor: Float

  /// Wraps a factor.
  package init(_ factor: Float) { self.factor = factor }

  /// The factor.
  package func factor(of task: TensorTask, model: Int) -> Float { factor }
}

/// Multiplies what a mask left of a tensor's deltas by the tensor's factor, in Float32.
///
/// Source: the rescale of DARE (arXiv 2311.03099), eq. 3, and the coefficients of AdaMerging (arXiv
/// 2310.02575).
package struct FactorStage: DeltaTransform {
  private let factors: any FactorSource
  /// The name in recipes.
  package let name: String
  /// Which tensors it changes.
  package let scope: TransformScope

  /// Makes the stage.
  package init(_ factors: any FactorSource, name: String, scope: TransformScope) {
    self.factors = factors
    self.name = name
    self.scope = scope
  }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(factors: factors, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let factors: any FactorSource
    private let model: Int
    private let kernels: Kernels
    private var factor: Float = 1

    init(factors: any FactorSource, model: Int, kernels: Kernels) {
      self.factors = factors
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      factor = factors.factor(of: strip.task, model: model)
    }

    var changesNothing: Bool { factor == 1 }

    func apply(to tile: DeltaTile) {
      unsafe kernels.scale(tile.values, count: tile.count, by: factor)
    }
  }
}
