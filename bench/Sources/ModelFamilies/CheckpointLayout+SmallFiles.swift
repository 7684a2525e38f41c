import Platform

extension CheckpointLayout {
  /// The files beside the weights, by name: the configurations and, for several shards, the index.
  var smallFiles: [(name: String, content: JSON)] {
    var files: [(name: String, content: JSON)] = [
      ("config.json", configuration),
      (
        "generation_config.json",
        .object([
          JSON.Member("bos_token_id", .integer(1)), JSON.Member("eos_token_id", .integer(2)),
        ])
      ),
    ]
    if shards.count > 1 { files.append(("model.safetensors.index.json", index)) }
    return files
  }

  private var configuration: JSON {
    let isMixture = shape.experts > 0
    var members = [
      JSON.Member(
        "architectures", .array([.string(isMixture ? "DeepseekV3ForCausalLM" : "LlamaForCausalLM")])
      ),
      JSON.Member("bos_token_id", .integer(1)),
      JSON.Member("dtype", .string(type.torchName)),
      JSON.Member("eos_token_id", .integer(2)),
      JSON.Member("hidden_act", .string("silu")),
      JSON.Member("hidden_size", .integer(shape.hidden)),
      JSON.Member("intermediate_size", .integer(shape.intermediate)),
      JSON.Member("max_position_embeddings", .integer(2048)),
      JSON.Member("model_type", .string(isMixture ? "deepseek_v3" : "llama")),
      JSON.Member("num_attention_heads", .integer(shape.heads)),
      JSON.Member("num_hidden_layers", .integer(shape.layers)),
      JSON.Member("num_key_value_heads", .integer(shape.keyValueHeads)),
      JSON.Member("rms_norm_eps", .number(1e-05)),
      JSON.Member("rope_theta", .number(10000)),
      JSON.Member("tie_word_embeddings", .bool(false)),
      JSON.Member("vocab_size", .integer(shape.vocabulary)),
    ]
    if isMixture {
      members += [
        JSON.Member("first_k_dense_replace", .integer(1)),
        JSON.Member("moe_intermediate_size", .integer(shape.expertIntermediate)),
        JSON.Member("n_routed_experts", .integer(shape.experts)),
        JSON.Member("n_shared_experts", .integer(1)),
      ]
    }
    return .object(members)
  }

  private var index: JSON {
    let places = shards.flatMap { shard in
      shard.tensors.map { JSON.Member($0.tensor.name, .string(shard.fileName)) }
    }
    return .object([
      JSON.Member(
        "metadata",
        .object([
          JSON.Member("total_parameters", .integer(dataByteCount / type.byteCount)),
          JSON.Member("total_size", .integer(dataByteCount)),
        ])),
      JSON.Member(
        "weight_map",
        .object(places.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })),
    ])
  }
}
