public import SluiceKernels

/// Multiplies what is left of a linear layer's deltas by its partition's factor: dynamic partition
/// amplification (DPPA section 3.3).
public struct AmplifyStage: DeltaTransform {
  private let ringFactors: [[Float]]
  private let zeroesDropped: Bool

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - ringFactors: For each model, the factor of each ring, most severe first.
  ///   - zeroesDropped: Whether the mask left it to this stage to set dropped deltas to zero.
  public init(ringFactors: [[Float]], zeroesDropped: Bool = false) {
    self.ringFactors = ringFactors
    self.zeroesDropped = zeroesDropped
  }

  /// The name in recipes.
  public var name: String { "amplify" }
  /// Linear layers only.
  public var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  ///
  /// - Parameters:
  ///   - model: The position of the fine-tuned model.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(factors: ringFactors[model], zeroesDropped: zeroesDropped, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let factors: [Float]
    private let changesNothing: Bool
    private let zeroesDropped: Bool
    private let kernels: Kernels

    init(factors: [Float], zeroesDropped: Bool, kernels: Kernels) {
      self.factors = factors
      changesNothing = factors.allSatisfy { $0 == 1 }
      self.zeroesDropped = zeroesDropped
      self.kernels = kernels
    }

    func begin(_ strip: Strip) {}

    func apply(to block: DeltaBlock) {
      if zeroesDropped {
        unsafe kernels.prune(
          block.values, count: block.count, partitions: block.partitions.pointers,
          factors: factors, partitionCount: factors.count)
      } else if !changesNothing {
        unsafe kernels.amplify(
          block.values, count: block.count, partitions: block.partitions.pointers,
          factors: factors, partitionCount: factors.count)
      }
    }
  }
}

/// Multiplies all deltas of a model by its weight.
public struct WeightStage: DeltaTransform {
  private let weights: [Float]

  /// Makes the stage.
  ///
  /// - Parameter weights: One weight for each model.
  public init(weights: [Float]) {
    self.weights = weights
  }

  /// The name in recipes.
  public var name: String { "weight" }
  /// All tensors that are merged.
  public var scope: TransformScope { .all }

  /// Makes the part that works in one lane on one model.
  ///
  /// - Parameters:
  ///   - model: The position of the fine-tuned model.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(weight: weights[model], kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let weight: Float
    private let kernels: Kernels

    init(weight: Float, kernels: Kernels) {
      self.weight = weight
      self.kernels = kernels
    }

    func begin(_ strip: Strip) {}

    func apply(to block: DeltaBlock) {
      guard weight != 1 else { return }
      unsafe kernels.scale(block.values, count: block.count, by: weight)
    }
  }
}
