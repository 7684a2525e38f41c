public import SluiceKernels

/// How the deltas that a random mask leaves make up for those it removed.
public enum Rescale: String, Sendable, Hashable, CaseIterable {
  /// By 1 / (1 - rate).
  case inverse
  /// So that the sum of |delta| of each tensor is what it was.
  case l1
  /// Not at all.
  case none
}

/// Knows what each tensor's deltas are multiplied by.
public protocol FactorSource: Sendable {
  /// The factor of a tensor.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: The factor.
  func factor(of task: TensorTask, model: Int) -> Float
}

/// The same factor for all tensors of all models.
public struct OneFactor: FactorSource {
  private let factor: Float

  /// Wraps a factor.
  ///
  /// - Parameter factor: The factor.
  public init(_ factor: Float) { self.factor = factor }

  /// The factor.
  ///
  /// - Parameters:
  ///   - task: Any tensor.
  ///   - model: Any model.
  /// - Returns: The factor.
  public func factor(of task: TensorTask, model: Int) -> Float { factor }
}

/// Multiplies what a mask left of a tensor's deltas by the tensor's factor, in Float32.
///
/// Source: the rescale of DARE (arXiv 2311.03099), eq. 3, and the coefficients of AdaMerging (arXiv
/// 2310.02575).
public struct FactorStage: DeltaTransform {
  private let factors: any FactorSource
  /// The name in recipes.
  public let name: String
  /// Which tensors it changes.
  public let scope: TransformScope

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - factors: What each tensor's deltas are multiplied by.
  ///   - name: The name in recipes.
  ///   - scope: Which tensors it changes.
  public init(_ factors: any FactorSource, name: String, scope: TransformScope) {
    self.factors = factors
    self.name = name
    self.scope = scope
  }

  /// Makes the part that works in one lane on one model.
  ///
  /// - Parameters:
  ///   - model: The position of the fine-tuned model.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
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

    func begin(_ strip: Strip) {
      factor = factors.factor(of: strip.task, model: model)
    }

    var changesNothing: Bool { factor == 1 }

    func apply(to block: DeltaBlock) {
      unsafe kernels.scale(block.values, count: block.count, by: factor)
    }
  }
}
