package import SluiceCore

/// A Llama-shaped base model and its fine-tuned models, to be made from a seed.
package struct FamilySpec: Sendable, Equatable {
  /// How far a fine-tune moves the weights, before they are rounded into its dtype.
  package enum Drift: Sendable, Equatable, CaseIterable {
    /// A low learning rate: in BF16 many deltas are zero and most others share few values.
    case light
    /// A long fine-tune with heavy tails.
    case heavy
  }

  /// What is special about the delta of one tensor.
  package enum Special: Sendable, Equatable {
    /// The fine-tuned model did not change the tensor.
    case unchanged
    /// Every element moved by the same, exactly representable amount.
    case shifted
    /// The fine-tuned model does not have the tensor.
    case missing
  }

  /// One fine-tuned model.
  package struct FineTune: Sendable, Equatable {
    /// Its name.
    package var name: String
    /// The dtype of its float tensors.
    package var dtype: DType
    /// How far it moved.
    package var drift: Drift
    /// Whether its head is its embedding.
    package var isTied: Bool
    /// Its special tensors by name; names that the model does not have are ignored.
    package var special: [String: Special]

    /// Describes a fine-tuned model.
    package init(
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
  package var seed: UInt64
  /// The width of the residual stream.
  package var hiddenSize = 24
  /// The width of the feed-forward part.
  package var intermediateSize = 40
  /// The number of rows of the embedding.
  package var vocabularySize = 50
  /// The number of blocks.
  package var layerCount = 2
  /// The number of query heads.
  package var headCount = 4
  /// The number of key and value heads.
  package var keyValueHeadCount = 2
  /// The width of one head.
  package var headSize = 6
  /// Whether the attention projections have biases.
  package var hasBiases = false
  /// Whether every block has a rotary buffer in F32.
  package var hasRotaryBuffer = false
  /// Whether there is a tensor of positions in I64.
  package var hasPositions = false
  /// The number of experts stacked in one 3-D tensor per block; 0 for none.
  package var expertCount = 0
  /// The dtype of the base's float tensors.
  package var baseDType = DType.bf16
  /// Whether the base's head is its embedding.
  package var isBaseTied = false
  /// The fine-tuned models, in the order in which they are merged.
  package var fineTunes: [FineTune]

  /// A family of two light fine-tunes in BF16, to be varied.
  package init(
    seed: UInt64, fineTunes: [FineTune] = [FineTune("math"), FineTune("finance", drift: .heavy)]
  ) {
    self.seed = seed
    self.fineTunes = fineTunes
  }

  /// The names and shapes of the float tensors, the head included, in the order of the model.
  package var floatTensors: [(name: String, dimensions: [Int])] {
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
