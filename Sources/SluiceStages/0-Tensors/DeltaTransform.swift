public import SluiceKernels

/// Which tensors a transform changes.
public enum TransformScope: String, Sendable, Hashable, CaseIterable {
  /// Linear layers only.
  case linear
  /// Linear layers and dense tensors.
  case all
}

/// A stage that changes the deltas of one model: the places `mask` and `amplify` in the chain.
///
/// The stage is shared by all lanes; what changes while a strip is worked through lives in the
/// `LaneTransform` that it makes for each lane and model.
public protocol DeltaTransform: Sendable {
  /// The name in recipes, plans and messages.
  var name: String { get }
  /// Which tensors it changes.
  var scope: TransformScope { get }

  /// Makes the part that works in one lane on one model.
  ///
  /// - Parameters:
  ///   - model: The position of the fine-tuned model.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The part.
  func makeLane(model: Int, kernels: Kernels) -> any LaneTransform
}

/// The part of a transform that works in one lane on one model.
public protocol LaneTransform: AnyObject {
  /// Prepares for a strip, whose blocks follow in order.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What keeps the strip from being worked on.
  func begin(_ strip: Strip) throws

  /// Changes the deltas of the next block.
  ///
  /// - Parameter block: The block.
  func apply(to block: DeltaBlock)
}
