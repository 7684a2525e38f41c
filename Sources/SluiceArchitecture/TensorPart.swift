/// The part that a tensor plays in a model, and why it is taken for that.
package struct TensorPart: Sendable, Hashable {
  /// The parts that a merge tells apart.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A matrix inside a numbered block: pruned by its significance.
    case linear = "linear layer"
    /// The matrices of several experts in one tensor: each is a linear layer.
    case stack = "stack of layers"
    /// What sends a token to experts: few numbers that decide much.
    case router
    /// A kernel that slides over a sequence or an image.
    case convolution
    /// A kernel with a channel of its own for each input: no matrix at all.
    case depthwise = "depthwise kernel"
    /// The rows of tokens, patches, types.
    case embedding
    /// What is learned about positions.
    case position = "position embedding"
    /// What turns states into tokens or classes.
    case head
    /// The gain or shift of a norm.
    case norm
    /// What is added to the outputs of a layer.
    case bias
    /// A matrix outside of the numbered blocks: projectors, poolers, classifiers.
    case outside = "matrix outside of blocks"
    /// Tables of rotary positions, computed and never trained.
    case rotary = "rotary table"
    /// Integers and truth values: positions, counters.
    case buffer
    /// Weights in a packed form, or what belongs to it.
    case packed = "packed weights"
    /// Numbers inside a block that are no matrix: gates, decays, states.
    case other
  }

  /// The part.
  package var kind: Kind
  /// Why, in a few words that follow "because".
  package var reason: String
  /// How a matrix lies in the file.
  package var orientation = Orientation.outputsFirst
  /// The number of matrices in a stack; 1 of anything else.
  package var matrixCount = 1

  /// Which axis of a matrix counts its outputs.
  package enum Orientation: String, Sendable, Hashable {
    /// `[out, in]`, as `Linear` keeps it.
    case outputsFirst = "out x in"
    /// `[in, out]`, as GPT-2's `Conv1D` and the experts of gpt-oss keep it.
    case inputsFirst = "in x out"
  }

  /// Whether the part is pruned unless something else is asked for.
  package var isLinear: Bool { kind == .linear || kind == .stack }

  /// Describes a part.
  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }
}
