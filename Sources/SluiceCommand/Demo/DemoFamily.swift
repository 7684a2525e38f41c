internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe

/// A base model and fine-tuned ones of a Llama's shape, small enough to be made in a moment: random
/// weights, and changes whose tails are heavier in some layers than in others.
struct DemoFamily {
  private static let hidden = 256
  private static let intermediate = 704
  private static let vocabulary = 512
  private static let layers = 3

  private let tensors: [PlannedTensor]

  init() {
    let (h, i, v) = (DemoFamily.hidden, DemoFamily.intermediate, DemoFamily.vocabulary)
    var shapes: [(String, [Int])] = [
      ("model.embed_tokens.weight", [v, h]), ("model.norm.weight", [h]),
      ("lm_head.weight", [v, h]),
    ]
    for layer in 0..<DemoFamily.layers {
      let prefix = "model.layers.\(layer)."
      for (name, shape) in [
        ("self_attn.q_proj", [h, h]), ("self_attn.k_proj", [h / 4, h]),
        ("self_attn.v_proj", [h / 4, h]), ("self_attn.o_proj", [h, h]), ("mlp.gate_proj", [i, h]),
        ("mlp.up_proj", [i, h]), ("mlp.down_proj", [h, i]), ("input_layernorm", [h]),
        ("post_attention_layernorm", [h]),
      ] { shapes.append((prefix + name + ".weight", shape)) }
    }
    tensors = shapes.compactMap { name, shape in
      TensorShape(shape).map { PlannedTensor(name: name, dtype: .bf16, shape: $0) }
    }
  }

  /// The number of parameters of each model.
  var elementCount: Int { tensors.reduce(0) { $0 + $1.shape.elementCount } }

  /// The files that some methods read beside the models.
  var files: DemoFiles {
    let all = tensors.map { TensorDescription($0.name, $0.shape, $0.dtype) }
    let architecture = Architecture(all)
    return DemoFiles(
      linearTensors: zip(tensors, all).filter { architecture.part(of: $1).isLinear }.map(\.0))
  }

  /// Writes the models.
  func write(base: String, fineTuned: [String]) throws {
    let layout = try ShardLayout.plan(tensors, shardByteLimit: 2_000_000)
    try write(base, layout, seed: nil)
    for (seed, directory) in fineTuned.enumerated() {
      try write(directory, layout, seed: UInt64(seed + 1))
    }
  }

  private func write(_ directory: String, _ layout: ShardLayout, seed: UInt64?) throws {
    try Directory.create(directory)
    try AtomicFile.write(Array(DemoFamily.config.utf8), to: "\(directory)/config.json")
    for shard in layout.shards {
      let file = try AtomicFile(to: "\(directory)/\(shard.fileName)")
      try file.append(shard.header)
      for (position, tensor) in shard.tensors.enumerated() {
        try file.append(weights(of: tensor, position: position, seed: seed))
      }
      try file.publish()
    }
    if let index = layout.index {
      try AtomicFile.write(index, to: "\(directory)/\(ShardLayout.indexFileName)")
    }
  }

  private func weights(of tensor: TensorEntry, position: Int, seed: UInt64?) -> [UInt8] {
    // The same generator for the base's weights in every model; another for the changes.
    var weights = DemoNumbers(named: tensor.name, seed: 0)
    var changes = DemoNumbers(named: tensor.name, seed: seed ?? 0)
    let tail = Float(1 + position % 4)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tensor.byteRange.count)
    for _ in 0..<tensor.shape.elementCount {
      var weight = weights.next() * 0.02
      if seed != nil {
        let change = changes.next() * 0.0008
        weight += change.magnitude > 0.0014 ? change * tail : change
      }
      let bits = weight.bitPattern
      let rounded = UInt16(truncatingIfNeeded: (bits + 0x7fff + (bits >> 16 & 1)) >> 16)
      bytes.append(UInt8(truncatingIfNeeded: rounded))
      bytes.append(UInt8(truncatingIfNeeded: rounded >> 8))
    }
    return bytes
  }

  private static let config = """
    {
      "architectures": ["LlamaForCausalLM"],
      "model_type": "llama",
      "hidden_size": \(hidden),
      "intermediate_size": \(intermediate),
      "num_attention_heads": 8,
      "num_key_value_heads": 2,
      "num_hidden_layers": \(layers),
      "vocab_size": \(vocabulary),
      "tie_word_embeddings": false,
      "torch_dtype": "bfloat16"
    }

    """
}

/// Repeatable numbers of about a normal distribution: the sum of four uniform ones.
struct DemoNumbers {
  private var state: UInt64

  init(named name: String, seed: UInt64) {
    let start = name.utf8.reduce(UInt64(14_695_981_039_346_656_037)) {
      ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    state = start &+ seed &* 0x9e37_79b9_7f4a_7c15
  }

  mutating func next() -> Float {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    mixed ^= mixed >> 31
    var sum: Float = 0
    for part in 0..<4 { sum += Float(mixed >> UInt64(part * 16) & 0xffff) }
    // Mean 2 * 65535, standard deviation 65536 / sqrt(3).
    return (sum - 131_070) * 2.643e-5
  }
}
