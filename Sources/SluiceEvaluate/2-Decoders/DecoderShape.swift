package import SluiceArchitecture
internal import SluiceCore

/// What a decoder-only model computes: its sizes, and what its family does otherwise than Llama.
package struct DecoderShape: Sendable, Hashable {
  /// The families that are computed, by the `model_type` of their configs.
  package enum Family: String, Sendable, Hashable, CaseIterable {
    case llama, mistral, qwen2, qwen3, gemma2, phi3

    /// All of them, for messages.
    package static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }
  }

  /// What is done to the gates of the feed-forward part.
  package enum Activation: String, Sendable, Hashable {
    /// x / (1 + exp(-x)).
    case silu
    /// The approximation of GELU by tanh.
    case geluTanh = "gelu_pytorch_tanh"
  }

  /// The family.
  package var family = Family.llama
  /// The width of the states between layers.
  package var width = 0
  /// How many layers there are.
  package var layerCount = 0
  /// How many heads ask.
  package var headCount = 0
  /// How many heads answer; each serves as many of those that ask.
  package var keyHeadCount = 0
  /// The width of a head.
  package var headWidth = 0
  /// The width inside the feed-forward part.
  package var innerWidth = 0
  /// The number of tokens.
  package var tokenCount = 0
  /// The most positions that the model was made for.
  package var positionCount: Int?
  /// What is added to mean squares.
  package var epsilon: Float = 1e-6
  /// What is done to gates.
  package var activation = Activation.silu
  /// How positions turn queries and keys.
  package var rotary = RotaryTable.Rule()
  /// How many positions, its own among them, a token of a layer looks back at; nil for all.
  package var windows: [Int?] = []
  /// What products of queries and keys are multiplied by.
  package var queryScale: Float = 1
  /// The bound of scores of attention, if they are bent by tanh.
  package var scoreCap: Float?
  /// The bound of logits, if they are bent by tanh.
  package var logitCap: Float?
  /// What embeddings are multiplied by.
  package var embeddingScale: Float = 1
  /// Whether gains of norms are stored as their difference from 1.
  package var gainsFromOne = false
  /// Whether heads of queries and keys are normed.
  package var normsHeads = false
  /// Whether outputs of both parts of a layer are normed before they are added.
  package var normsOutputs = false
  /// Whether queries, keys and values are one matrix, and gates and ups another.
  package var isFused = false

  /// The width of all queries.
  package var queryWidth: Int { headCount * headWidth }
  /// The width of all keys, which is that of all values.
  package var keyWidth: Int { keyHeadCount * headWidth }

  /// The widest row that a layer makes: queries, keys and values, or gates and ups.
  package var widestRow: Int { max(queryWidth + 2 * keyWidth, 2 * innerWidth) }
}

extension DecoderShape {
  /// Reads a shape from a config.
  ///
  /// - Parameters:
  ///   - config: The config.
  ///   - file: The path to name in errors.
  /// - Throws: `EvaluationError` if the model is of another kind, or says something that is not known.
  package init(_ config: ModelConfig, file: String) throws(EvaluationError) {
    let values = ConfigValues(config, file: file)
    let type = values.word("model_type") ?? config.modelType ?? "none"
    guard let family = Family(rawValue: type) else {
      throw .unsupported("the model_type is \(type.printable)", file: file)
    }
    self.family = family
    width = try values.count("hidden_size")
    layerCount = try values.count("num_hidden_layers")
    headCount = try values.count("num_attention_heads")
    keyHeadCount = try values.optionalCount("num_key_value_heads") ?? headCount
    headWidth = try values.optionalCount("head_dim") ?? width / headCount
    innerWidth = try values.count("intermediate_size")
    tokenCount = try values.count("vocab_size")
    positionCount = try values.optionalCount("max_position_embeddings")
    epsilon = Float(values.number("rms_norm_eps") ?? 1e-6)
    guard headCount % keyHeadCount == 0, headWidth % 2 == 0 else {
      throw EvaluationError.badInput(
        "\(headCount) heads of \(headWidth) numbers go with \(keyHeadCount) heads of keys",
        file: file)
    }
    queryScale = Float(1 / Double(headWidth).squareRoot())
    try readFamily(values)
    let word =
      family == .gemma2
      ? values.word("hidden_activation") ?? "gelu_pytorch_tanh"
      : values.word("hidden_act") ?? "silu"
    guard let activation = Activation(rawValue: word) else {
      throw .unsupported("the activation is \(word.printable)", file: file)
    }
    self.activation = activation
    rotary = try RotaryTable.Rule(values, headWidth: headWidth, positionCount: positionCount)
    windows = try readWindows(values)
  }

  /// What a family does otherwise.
  private mutating func readFamily(_ values: ConfigValues) throws(EvaluationError) {
    switch family {
    case .llama, .mistral, .qwen2: break
    case .qwen3: normsHeads = true
    case .phi3: isFused = true
    case .gemma2:
      gainsFromOne = true
      normsOutputs = true
      embeddingScale = Float(Double(width).squareRoot())
      queryScale = Float(1 / (values.number("query_pre_attn_scalar") ?? 256).squareRoot())
      scoreCap = values.number("attn_logit_softcapping").map { Float($0) }
      logitCap = values.number("final_logit_softcapping").map { Float($0) }
    }
    guard values.flag("use_bidirectional_attention") != true else {
      throw .unsupported("its attention looks ahead", file: values.file)
    }
  }

  /// The window of each layer.
  private func readWindows(_ values: ConfigValues) throws(EvaluationError) -> [Int?] {
    let none = [Int?](repeating: nil, count: layerCount)
    let isQwen = family == .qwen2 || family == .qwen3
    guard let window = try values.optionalCount("sliding_window"),
      !isQwen || values.flag("use_sliding_window") == true
    else { return none }
    if values.word("layer_types.0") != nil {
      return try none.indices.map { layer throws(EvaluationError) in
        switch values.word("layer_types.\(layer)") {
        case "sliding_attention": window
        case "full_attention": nil
        case let other:
          throw .unsupported(
            "layer \(layer) is of the type \((other ?? "none").printable)", file: values.file)
        }
      }
    }
    if isQwen {
      let first = values.number("max_window_layers").map { Int($0) } ?? 28
      return none.indices.map { $0 >= first ? window : nil }
    }
    return none.indices.map { family == .gemma2 && $0 % 2 == 1 ? nil : window }
  }
}
