/// The dimensions of a Llama-shaped model, dense or with a mixture of experts.
public struct ModelShape: Hashable, Sendable {
  /// Decoder layers.
  public var layers: Int
  /// Width of the residual stream.
  public var hidden: Int
  /// Width inside the feed-forward part.
  public var intermediate: Int
  /// Rows of the embedding and of the head.
  public var vocabulary: Int
  /// Attention heads.
  public var heads: Int
  /// Heads that have keys and values of their own.
  public var keyValueHeads: Int
  /// Bytes that one extra linear of the first layer shall have, 0 for none.
  ///
  /// Llama has no such tensor; it is there to be larger than a memory budget.
  public var largestTensorBytes: Int
  /// Experts of each layer but the first, beside one that all share; 0 for a dense model.
  public var experts: Int
  /// Width inside an expert.
  public var expertIntermediate: Int

  /// Makes a shape.
  /// - Parameters:
  ///   - layers: decoder layers.
  ///   - hidden: width of the residual stream.
  ///   - intermediate: width inside the feed-forward part.
  ///   - vocabulary: rows of the embedding and of the head.
  ///   - heads: attention heads.
  ///   - keyValueHeads: heads that have keys and values of their own.
  ///   - largestTensorBytes: size of the extra linear, 0 for none.
  ///   - experts: experts of each layer but the first, 0 for none.
  ///   - expertIntermediate: width inside an expert.
  public init(
    layers: Int, hidden: Int, intermediate: Int, vocabulary: Int, heads: Int, keyValueHeads: Int,
    largestTensorBytes: Int = 0, experts: Int = 0, expertIntermediate: Int = 0
  ) {
    self.layers = layers
    self.hidden = hidden
    self.intermediate = intermediate
    self.vocabulary = vocabulary
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.largestTensorBytes = largestTensorBytes
    self.experts = experts
    self.expertIntermediate = expertIntermediate
  }

  /// The shapes with a name.
  ///
  /// Sizes in the names are those of the BF16 form.
  public static let named: [String: ModelShape] = [
    "tiny": ModelShape(
      layers: 2, hidden: 64, intermediate: 176, vocabulary: 320, heads: 4, keyValueHeads: 2),
    "40mb": ModelShape(
      layers: 5, hidden: 512, intermediate: 1408, vocabulary: 5120, heads: 8, keyValueHeads: 4),
    "one-big": ModelShape(
      layers: 6, hidden: 2048, intermediate: 5632, vocabulary: 8000, heads: 32, keyValueHeads: 4,
      largestTensorBytes: 400_000_000),
    "llama-1.1b": ModelShape(
      layers: 22, hidden: 2048, intermediate: 5632, vocabulary: 32000, heads: 32, keyValueHeads: 4),
    "llama-13b": ModelShape(
      layers: 40, hidden: 5120, intermediate: 13824, vocabulary: 32000, heads: 40,
      keyValueHeads: 40),
    "llama-405b": ModelShape(
      layers: 126, hidden: 16384, intermediate: 53248, vocabulary: 128_256, heads: 128,
      keyValueHeads: 8),
    "moe-1t": ModelShape(
      layers: 61, hidden: 7168, intermediate: 18432, vocabulary: 163_840, heads: 64,
      keyValueHeads: 64, experts: 384, expertIntermediate: 2048),
  ]

  /// Why no model can have this shape, nil if one can.
  public var problem: String? {
    let dimensions = [layers, hidden, intermediate, vocabulary, heads, keyValueHeads]
    if dimensions.contains(where: { $0 < 1 }) {
      return "every dimension must be at least 1"
    }
    if hidden % heads != 0 { return "hidden (\(hidden)) must be a multiple of heads (\(heads))" }
    if heads % keyValueHeads != 0 {
      return "heads (\(heads)) must be a multiple of kv-heads (\(keyValueHeads))"
    }
    return nil
  }

  /// The tensors in the order in which the model's code declares them, which is the order in which
  /// `transformers` fills shards.
  /// - Parameter type: the element type, which decides the rows of the extra linear.
  /// - Returns: the tensors.
  public func tensors(of type: ElementType) -> [ModelTensor] {
    var tensors = [ModelTensor("model.embed_tokens.weight", [vocabulary, hidden], .embedding)]
    let keyValueWidth = hidden / heads * keyValueHeads
    for layer in 0..<layers {
      let depth = layers > 1 ? Double(layer) / Double(layers - 1) : 0
      func linear(_ name: String, _ rows: Int, _ columns: Int) {
        let full = "model.layers.\(layer).\(name).weight"
        tensors.append(ModelTensor(full, [rows, columns], .linear(depth: depth), layer: layer))
      }
      linear("self_attn.q_proj", hidden, hidden)
      linear("self_attn.k_proj", keyValueWidth, hidden)
      linear("self_attn.v_proj", keyValueWidth, hidden)
      linear("self_attn.o_proj", hidden, hidden)
      func feedForward(_ name: String, _ width: Int) {
        linear("\(name).gate_proj", width, hidden)
        linear("\(name).up_proj", width, hidden)
        linear("\(name).down_proj", hidden, width)
      }
      if experts > 0 && layer > 0 {
        linear("mlp.gate", experts, hidden)
        for expert in 0..<experts { feedForward("mlp.experts.\(expert)", expertIntermediate) }
        feedForward("mlp.shared_experts", expertIntermediate)
      } else {
        feedForward("mlp", intermediate)
      }
      if layer == 0 && largestTensorBytes > 0 {
        linear("mlp.wide_proj", max(1, largestTensorBytes / (hidden * type.byteCount)), hidden)
      }
      for name in ["input_layernorm", "post_attention_layernorm"] {
        let full = "model.layers.\(layer).\(name).weight"
        tensors.append(ModelTensor(full, [hidden], .norm, layer: layer))
      }
    }
    tensors.append(ModelTensor("model.norm.weight", [hidden], .norm))
    tensors.append(ModelTensor("lm_head.weight", [vocabulary, hidden], .embedding))
    return tensors
  }
}

/// A tensor of a model, without its values.
public struct ModelTensor: Hashable, Sendable {
  /// What the tensor is for, which decides how its values are distributed.
  public enum Role: Hashable, Sendable {
    /// Embedding and head.
    case embedding
    /// Scales of a norm, around 1.
    case norm
    /// A linear of a layer; depth goes from 0 in the first layer to 1 in the last.
    case linear(depth: Double)
  }

  /// Its name in the checkpoint.
  public let name: String
  /// Its dimensions, outermost first.
  public let shape: [Int]
  /// What it is for.
  public let role: Role
  /// The decoder layer that it belongs to, nil for what stands before and after the layers.
  public let layer: Int?

  init(_ name: String, _ shape: [Int], _ role: Role, layer: Int? = nil) {
    self.name = name
    self.shape = shape
    self.role = role
    self.layer = layer
  }

  /// How many elements it has.
  public var elementCount: Int { shape.reduce(1, *) }
}
