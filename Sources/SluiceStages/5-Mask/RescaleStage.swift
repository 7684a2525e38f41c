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
  private let zeroesDropped: Bool

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - factors: The factor of each tensor.
  ///   - name: The name in recipes.
  ///   - scope: Which tensors it changes.
  ///   - zeroesDropped: Whether the mask left it to this stage to set dropped deltas to zero.
  package init(
    _ factors: any FactorSource, name: String, scope: TransformScope, zeroesDropped: Bool = false
  ) {
    self.factors = factors
    self.name = name
    self.scope = scope
    self.zeroesDropped = zeroesDropped
  }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let factors: any FactorSource
    private let zeroesDropped: Bool
    private let model: Int
    private let kernels: Kernels
    private var factor: Float = 1

    init(stage: FactorStage, model: Int, kernels: Kernels) {
      factors = stage.factors
      zeroesDropped = stage.zeroesDropped
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      factor = factors.factor(of: strip.task, model: model)
    }

    var changesNothing: Bool { factor == 1 && !zeroesDropped }

    func apply(to tile: DeltaTile) {
      if zeroesDropped {
        kernels.keepLast(tile, times: factor)
      } else {
        unsafe kernels.scale(tile.values, count: tile.count, by: factor)
      }
    }
  }
}

extension Kernels {
  /// Multiplies the deltas of the last partition, which contains the others, and sets all else to zero.
  func keepLast(_ tile: DeltaTile, times factor: Float) {
    let last = unsafe tile.partitions[tile.partitions.activeCount - 1]
    if factor == 1 {
      unsafe applyMask(tile.values, count: tile.count, keep: last)
    } else {
      var (partition, factor) = unsafe (UnsafePointer(last), factor)
      // SAFETY: there is one partition, with words for a whole tile, and its factor.
      unsafe prune(
        tile.values, count: tile.count, partitions: &partition, factors: &factor,
        partitionCount: 1)
    }
  }
}
