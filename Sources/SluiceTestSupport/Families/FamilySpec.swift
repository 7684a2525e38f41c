public import SluiceCore

/// A Llama-shaped base model and its fine-tuned models, to be made from a seed.
public struct FamilySpec: Sendable, Equatable {
  /// How far a fine-tune moves the weights, before they are rounded into its dtype.
  public enum Drift: Sendable, Equatable, CaseIterable {
    /// A low learning rate: in BF16 many deltas are zero and most others share few values.
    case light
    /// A long fine-tune with heavy tails.
    case heavy
  }

  /// What is special about the delta of one tensor.
  public enum Special: Sendable, Equatable {
    /// The fine-tuned model did not change the tensor.
    case unchanged
    /// Every element moved by the same, exactly representable amount.
    case shifted
    /// The fine-tuned model does not have the tensor.
    case missing
  }

  /// One fine-tuned model.
  public struct FineTune: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// The dtype of its float tensors.
    public var dtype: DType
    /// How far it moved.
    public var drift: Drift
    /// Whether its head is its embedding.
    public var isTied: Bool
    /// Its special tensors by name; names that the model does not have are ignored.
    public var special: [String: Special]

    /// Describes a fine-tuned model.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - dtype: The dtype of its float tensors.
    ///   - drift: How far it moved.
    ///   - isTied: Whether its head is its embedding.
    ///   - special: Its special tensors by name.
    public init(
      _ name: String, dtype: DType = .bf16, drift: Drift = .light, isTied: Bool = false,
      special: [String: Special] = [:]
    ) {
      self.name = name
      self.dtype = dtype
      self.drift = drift
      self.isTied = isTied
      self.special = special
    }
  }

  /// What all random numbers come from.
  public var seed: UInt64
  /// The width of the residual stream.
  public var hiddenSize = 24
  /// The width of the feed-forward part.
  public var intermediateSize = 40
  /// The number of rows of the embedding.
  public var vocabularySize = 50
  /// The number of blocks.
  public var layerCount = 2
  /// The number of query heads.
  public var headCount = 4
  /// The number of key and value heads.
  public var keyValueHeadCount = 2
  /// The width of one head.
  public var headSize = 6
  /// Whether the attention projections have biases.
  public var hasBiases = false
  /// Whether every block has a rotary buffer in F32.
  public var hasRotaryBuffer = false
  /// Whether there is a tensor of positions in I64.
  public var hasPositions = false
  /// The number of experts stacked in one 3-D tensor per block; 0 for none.
  public var expertCount = 0
  /// The dtype of the base's float tensors.
  public var baseDType = DType.bf16
  /// Whether the base's head is its embedding.
  public var isBaseTied = false
  /// The fine-tuned models, in the order in which they are merged.
  public var fineTunes: [FineTune]

  /// A family of two light fine-tunes in BF16, to be varied.
  ///
  /// - Parameters:
  ///   - seed: What all random numbers come from.
  ///   - fineTunes: The fine-tuned models.
  public init(
    seed: UInt64, fineTunes: [FineTune] = [FineTune("math"), FineTune("finance", drift: .heavy)]
  ) {
    self.seed = seed
    self.fineTunes = fineTunes
  }

  /// The names and shapes of the float tensors, the head included, in the order of the model.
  public var floatTensors: [(name: String, dimensions: [Int])] {
    let queryWidth = headCount * headSize
    let keyValueWidth = keyValueHeadCount * headSize
    var result = [("model.embed_tokens.weight", [vocabularySize, hiddenSize])]
    for layer in 0..<layerCount {
      let block = "model.layers.\(layer)"
      result.append(("\(block).input_layernorm.weight", [hiddenSize]))
      for (part, width) in [("q", queryWidth), ("k", keyValueWidth), ("v", keyValueWidth)] {
        result.append(("\(block).self_attn.\(part)_proj.weight", [width, hiddenSize]))
        if hasBiases { result.append(("\(block).self_attn.\(part)_proj.bias", [width])) }
      }
      result.append(("\(block).self_attn.o_proj.weight", [hiddenSize, queryWidth]))
      result.append(("\(block).post_attention_layernorm.weight", [hiddenSize]))
      result.append(("\(block).mlp.gate_proj.weight", [intermediateSize, hiddenSize]))
      result.append(("\(block).mlp.up_proj.weight", [intermediateSize, hiddenSize]))
      result.append(("\(block).mlp.down_proj.weight", [hiddenSize, intermediateSize]))
      if expertCount > 0 {
        let stack = [expertCount, intermediateSize, hiddenSize]
        result.append(("\(block).mlp.experts.up_proj.weight", stack))
      }
    }
    result.append(("model.norm.weight", [hiddenSize]))
    result.append((TinyModel.headName, [vocabularySize, hiddenSize]))
    return result
  }
}
