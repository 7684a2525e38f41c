internal import SluiceArchitecture

/// What the tensors of a decoder are called.
package struct DecoderNames: Sendable, Hashable {
  /// The input embedding.
  let embedding: String
  /// What turns states into logits; a tied head is the embedding.
  let head: String
  private let prefix: String

  /// Names the tensors around an embedding.
  ///
  /// - Parameters:
  ///   - embedding: The embedding's name.
  ///   - head: The head's name.
  init(embedding: String, head: String) {
    self.embedding = embedding
    self.head = head
    prefix = String(embedding.dropLast("embed_tokens.weight".count))
  }

  /// The gain of the last norm.
  var lastNorm: String { "\(prefix)norm.weight" }

  /// What is made ready before the first layer.
  var tensorsBeforeLayers: [String] { [embedding] }
  /// What is made ready behind the last.
  var tensorsBehindLayers: [String] { [lastNorm, head] }

  /// A tensor of a layer.
  func layer(_ index: Int, _ name: String) -> String { "\(prefix)layers.\(index).\(name)" }

  /// The bias that goes with a weight, where there is one.
  static func bias(of weight: String) -> String { "\(weight.dropLast("weight".count))bias" }
}

/// A matrix of a layer, and which columns its outputs become.
struct LinearPlace: Sendable, Hashable {
  /// The name of the weight.
  var name: String
  /// How many outputs it has.
  var outputs: Int
  /// How many inputs.
  var inputs: Int
  /// The column of its first output.
  var column = 0
}

extension DecoderShape {
  /// The matrices that make queries, keys and values.
  func attentionInputs(_ names: DecoderNames, layer: Int) -> [LinearPlace] {
    func place(_ name: String, _ outputs: Int, _ column: Int) -> LinearPlace {
      LinearPlace(
        name: names.layer(layer, "self_attn.\(name).weight"), outputs: outputs, inputs: width,
        column: column)
    }
    guard !isFused else { return [place("qkv_proj", queryWidth + 2 * keyWidth, 0)] }
    return [
      place("q_proj", queryWidth, 0), place("k_proj", keyWidth, queryWidth),
      place("v_proj", keyWidth, queryWidth + keyWidth),
    ]
  }

  /// The matrix behind attention.
  func attentionOutput(_ names: DecoderNames, layer: Int) -> LinearPlace {
    LinearPlace(
      name: names.layer(layer, "self_attn.o_proj.weight"), outputs: width, inputs: queryWidth)
  }

  /// The matrices that make gates and ups.
  func innerInputs(_ names: DecoderNames, layer: Int) -> [LinearPlace] {
    func place(_ name: String, _ outputs: Int, _ column: Int) -> LinearPlace {
      LinearPlace(
        name: names.layer(layer, "mlp.\(name).weight"), outputs: outputs, inputs: width,
        column: column)
    }
    guard !isFused else { return [place("gate_up_proj", 2 * innerWidth, 0)] }
    return [place("gate_proj", innerWidth, 0), place("up_proj", innerWidth, innerWidth)]
  }

  /// The matrix behind gates and ups.
  func innerOutput(_ names: DecoderNames, layer: Int) -> LinearPlace {
    LinearPlace(
      name: names.layer(layer, "mlp.down_proj.weight"), outputs: width, inputs: innerWidth)
  }

  /// All matrices of a layer.
  func linears(_ names: DecoderNames, layer: Int) -> [LinearPlace] {
    attentionInputs(names, layer: layer) + [attentionOutput(names, layer: layer)]
      + innerInputs(names, layer: layer) + [innerOutput(names, layer: layer)]
  }

  /// All tensors that a layer may have.
  func tensors(_ names: DecoderNames, layer: Int) -> [String] {
    let matrices = linears(names, layer: layer).map(\.name)
    return matrices + matrices.map(DecoderNames.bias) + gains(names, layer: layer).map(\.name)
  }

  /// The gains of a layer's norms, with their lengths.
  func gains(_ names: DecoderNames, layer: Int) -> [(name: String, count: Int)] {
    var list = ["input_layernorm", "post_attention_layernorm"].map { ($0, width) }
    if normsOutputs {
      list += ["pre_feedforward_layernorm", "post_feedforward_layernorm"].map { ($0, width) }
    }
    if normsHeads { list += ["self_attn.q_norm", "self_attn.k_norm"].map { ($0, headWidth) } }
    return list.map { (names.layer(layer, "\($0.0).weight"), $0.1) }
  }
}
