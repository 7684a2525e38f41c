internal import SluiceCore

/// A base model and what was fine-tuned from it.
package struct ModelFamily: Sendable {
  /// The base model.
  package var base: TinyModel
  /// The fine-tuned models with their names, in order.
  package var fineTuned: [(name: String, model: TinyModel)]

  /// Puts a family together.
  package init(base: TinyModel, fineTuned: [(name: String, model: TinyModel)]) {
    self.base = base
    self.fineTuned = fineTuned
  }

  /// The same family with its matrices' deltas multiplied.
  ///
  /// - Parameter factor: What a delta is multiplied by, from the position of its tensor in the model and its own in the
  ///   tensor.
  /// - Returns: The family.
  package func multiplyingDeltas(by factor: (_ tensor: Int, _ element: Int) -> Float) -> ModelFamily
  {
    var family = self
    for index in family.fineTuned.indices {
      for (place, tensor) in family.fineTuned[index].model.tensors.enumerated() {
        guard let base = base[tensor.name]?.floats, let tuned = tensor.floats,
          tensor.shape.dimensions.count == 2
        else { continue }
        let values = base.indices.map { element in
          Double(base[element] + (tuned[element] - base[element]) * factor(place, element))
        }
        family.fineTuned[index].model.tensors[place] = TinyTensor(
          tensor.name, tensor.dtype, tensor.shape.dimensions, values: values)
      }
    }
    return family
  }
}

extension FamilySpec {
  /// Makes the models; equal specs give equal bytes.
  package func build() -> ModelFamily {
    var base = TinyModel(tensors: [], config: config(isTied: isBaseTied))
    for (name, dimensions) in floatTensors where !(isBaseTied && name == TinyModel.headName) {
      var generator = generator(for: name, model: "")
      let values = baseValues(name, count: dimensions.reduce(1, *), from: &generator)
      base.tensors.append(TinyTensor(name, baseDType, dimensions, values: values))
    }
    base.tensors += buffers
    return ModelFamily(base: base, fineTuned: fineTunes.map { ($0.name, model($0, of: base)) })
  }

  private func model(_ fineTune: FineTune, of base: TinyModel) -> TinyModel {
    var result = TinyModel(tensors: [], config: config(isTied: fineTune.isTied))
    let isTied = fineTune.isTied
    for (name, dimensions) in floatTensors where !(isTied && name == TinyModel.headName) {
      let special = fineTune.special[name]
      // A fine-tune that unties its head starts from the embedding.
      let original = base[name] ?? base["model.embed_tokens.weight"]
      guard special != .missing, let original, let values = original.doubles else { continue }
      var generator = generator(for: name, model: fineTune.name)
      let tuned = tune(values, name: name, by: fineTune, special: special, from: &generator)
      result.tensors.append(TinyTensor(name, fineTune.dtype, dimensions, values: tuned))
    }
    result.tensors += buffers.filter { fineTune.special[$0.name] != .missing }
    return result
  }

  /// Gaussian weights, norms around 1; multiples of 2^-9 where a fine-tune shifts the tensor.
  private func baseValues(
    _ name: String, count: Int, from generator: inout RepeatableGenerator
  ) -> [Double] {
    let isNorm = name.contains("norm")
    let isOnGrid = fineTunes.contains { $0.special[name] == .shifted }
    return (0..<count).map { _ in
      if isOnGrid { return Double(generator.integer(in: -64...64)) * 0x1p-9 }
      // Signed zeros and subnormals are legal weights.
      if generator.chance(0.002) { return generator.choice([0, -0.0, 0x1p-130, -0x1p-24]) }
      return (isNorm ? 1 : 0) + 0.02 * generator.gaussian()
    }
  }

  private func tune(
    _ values: [Double], name: String, by fineTune: FineTune, special: Special?,
    from generator: inout RepeatableGenerator
  ) -> [Double] {
    if special == .unchanged { return values }
    if special == .shifted {
      let shift = Double(generator.integer(in: 1...8)) * (generator.chance(0.5) ? 0x1p-9 : -0x1p-9)
      return values.map { $0 + shift }
    }
    // Tensors differ in spread and in the weight of their tails, so that rates differ.
    let spread = (fineTune.drift == .light ? 2e-4 : 2e-3) * (0.5 + generator.uniform())
    let tail = generator.uniform() * 0.02
    return values.map {
      $0 + spread * (generator.chance(tail) ? 6 * generator.laplace() : generator.gaussian())
    }
  }

  /// Tensors that no merge changes, the same in every model.
  var buffers: [TinyTensor] {
    var result: [TinyTensor] = []
    if hasRotaryBuffer {
      for layer in 0..<layerCount {
        let values = (0..<max(1, headSize / 2)).map { 1 / Double(1 + 10 * $0) }
        let name = "model.layers.\(layer).self_attn.rotary_emb.inv_freq"
        result.append(TinyTensor(name, .f32, values: values))
      }
    }
    if hasPositions, let shape = TensorShape([1, 7]) {
      let bytes = TinyTensor.littleEndian((0..<7).map { Int64($0) - 3 })
      result.append(
        TinyTensor(name: "model.position_ids", dtype: .i64, shape: shape, bytes: bytes))
    }
    return result
  }

  private func generator(for tensor: String, model: String) -> RepeatableGenerator {
    RepeatableGenerator(seed: Reference.fnv1a64("\(seed)/\(model)/\(tensor)".utf8))
  }

  private func config(isTied: Bool) -> String {
    """
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": \(hiddenSize), \
    "intermediate_size": \(intermediateSize), "num_hidden_layers": \(layerCount), \
    "num_attention_heads": \(headCount), "num_key_value_heads": \(keyValueHeadCount), \
    "head_dim": \(headSize), "vocab_size": \(vocabularySize), "attention_bias": \(hasBiases), \
    "tie_word_embeddings": \(isTied)}
    """
  }
}

extension TinyTensor {
  /// The elements of a float tensor, exactly; nil for other types.
  var doubles: [Double]? {
    guard dtype == .f64 else { return floats?.map { Double($0) } }
    return (0..<shape.elementCount).map { index in
      let word = bytes[index * 8..<index * 8 + 8].reversed().reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      return Double(bitPattern: word)
    }
  }
}
