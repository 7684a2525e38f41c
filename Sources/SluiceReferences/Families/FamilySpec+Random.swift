internal import SluiceCore

extension FamilySpec {
  /// Draws a family: every shape, dtype and special case comes up over enough seeds.
  ///
  /// - Parameter seed: What everything is drawn from.
  /// - Returns: A spec of 1 to 4 fine-tuned models and up to some 20,000 elements per model.
  package static func random(seed: UInt64) -> FamilySpec {
    var generator = RepeatableGenerator(seed: seed)
    var spec = FamilySpec(seed: seed, fineTunes: [])
    spec.hiddenSize = generator.integer(in: 5...32)
    spec.intermediateSize = generator.integer(in: 7...48)
    spec.vocabularySize = generator.integer(in: 3...64)
    spec.layerCount = generator.integer(in: 1...4)
    spec.keyValueHeadCount = generator.integer(in: 1...2)
    spec.headCount = spec.keyValueHeadCount * generator.integer(in: 1...3)
    spec.headSize = generator.integer(in: 2...7)
    spec.hasBiases = generator.chance(0.5)
    spec.hasRotaryBuffer = generator.chance(0.4)
    spec.hasPositions = generator.chance(0.3)
    spec.expertCount = generator.chance(0.25) ? generator.integer(in: 1...3) : 0
    spec.baseDType = generator.choice([.bf16, .bf16, .bf16, .f16, .f16, .f32, .f64])
    spec.isBaseTied = generator.chance(0.4)
    let names = ["math", "finance", "law", "code"].prefix(generator.integer(in: 1...4))
    // Mostly one dtype for all, as families are.
    let isMixed = generator.chance(0.4)
    for name in names {
      let dtype =
        isMixed ? generator.choice([.bf16, .f16, .f32, .f64]) : spec.baseDType
      let drift = generator.choice(Drift.allCases)
      let isTied = generator.chance(0.2) ? !spec.isBaseTied : spec.isBaseTied
      var fineTune = FineTune(name, dtype: dtype, drift: drift, isTied: isTied)
      for tensor in spec.floatTensors.map(\.name) + spec.buffers.map(\.name) {
        // A model without an embedding could not tie its head to it.
        let canMiss = tensor != TinyModel.headName && !tensor.hasSuffix(TinyModel.embeddingSuffix)
        if generator.chance(0.04) { fineTune.special[tensor] = .unchanged }
        if generator.chance(0.04) { fineTune.special[tensor] = .shifted }
        if canMiss, generator.chance(0.02) { fineTune.special[tensor] = .missing }
      }
      spec.fineTunes.append(fineTune)
    }
    return spec
  }
}
