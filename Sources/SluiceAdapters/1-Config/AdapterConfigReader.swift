internal import SluiceCore
internal import SluiceFormats

/// Reads an `adapter_config.json` key by key, and refuses by name what cannot be folded.
struct AdapterConfigReader {
  var scanner: JSONScanner
  let file: String
  var config = AdapterConfig()
  private var seen: Set<String> = []

  init(_ scanner: JSONScanner, file: String) {
    self.scanner = scanner
    self.file = file
  }

  mutating func read() throws -> AdapterConfig {
    try scanner.beginObject()
    while let text = try scanner.nextKey() {
      let key = scanner.string(of: text)
      guard seen.insert(key).inserted else { throw bad("the key \(key.printable) occurs twice") }
      guard seen.count <= 1024 else { throw bad("more than 1024 keys") }
      try read(key)
    }
    try scanner.end()
    guard seen.contains("peft_type") else {
      throw bad("no peft_type", remedy: "Is this the config of a PEFT adapter?")
    }
    return config
  }

  private mutating func read(_ key: String) throws {
    switch key {
    case "peft_type": try readType()
    case "r": config.rank = try rank(key)
    case "lora_alpha": config.alpha = try number(key)
    case "use_rslora": config.isRankStabilised = try flag(key)
    case "use_dora": config.isDecomposed = try flag(key)
    case "fan_in_fan_out": config.isTransposed = try flag(key)
    case "rank_pattern":
      try readTable(key) { reader, pattern in
        let value = try reader.rank("\(key) \(pattern.printable)")
        try reader.add(pattern, to: key) { config throws(PatternParser.Refusal) in
          try config.rankPatterns.append(pattern, value)
        }
      }
    case "alpha_pattern":
      try readTable(key) { reader, pattern in
        let value = try reader.number("\(key) \(pattern.printable)")
        try reader.add(pattern, to: key) { config throws(PatternParser.Refusal) in
          try config.alphaPatterns.append(pattern, value)
        }
      }
    case "target_parameters": config.targetParameters = try strings(key) ?? []
    case "trainable_token_indices": try readTokenRows()
    case "init_lora_weights": try readInitialisation()
    case "bias": try readBias()
    default: try readOther(key)
    }
  }

  private mutating func readType() throws {
    guard try scanner.kind() == .string else { throw bad("peft_type is no text") }
    let type = try scanner.string()
    guard type == "LORA" else {
      throw bad(
        "an adapter of type \(type.printable); only LORA can be folded",
        remedy: "Fold it with the library that made it, and give the whole model.")
    }
  }

  /// Starts that were taken from the base: the trained factors then belong to a base without them.
  private mutating func readInitialisation() throws {
    guard try scanner.kind() == .string else {
      _ = try flag("init_lora_weights")
      return
    }
    let name = try scanner.string()
    let known = ["gaussian", "eva", "orthogonal", "mica", "true", "false"]
    if known.contains(name.lowercased()) { return }
    throw bad(
      "init_lora_weights is \(name.printable): such adapters change the base that they start from",
      remedy: "Save it as plain LoRA (PEFT: save_pretrained with "
        + "path_initial_model_for_weight_conversion), or fold it with PEFT.")
  }

  private mutating func readBias() throws {
    guard try scanner.kind() == .string else { return try scanner.null() }
    let name = try scanner.string()
    // Where biases are, the file of weights says.
    guard ["none", "all", "lora_only"].contains(name) else {
      throw bad("bias is \(name.printable); none, all and lora_only are known")
    }
  }

  private mutating func readTokenRows() throws {
    switch try scanner.kind() {
    case .null: try scanner.null()
    case .array: config.tokenRows = .ofEmbedding(try integers("trainable_token_indices"))
    default:
      var rows: [String: [Int]] = [:]
      try readTable("trainable_token_indices") { reader, module in
        rows[module] = try reader.integers("trainable_token_indices")
      }
      config.tokenRows = .byModule(rows)
    }
  }

  /// What changes no weight once training is over, what cannot be folded, and what is not known.
  private mutating func readOther(_ key: String) throws {
    let kind = try scanner.kind()
    let isSet: Bool
    switch kind {
    case .null:
      try scanner.null()
      isSet = false
    case .bool: isSet = try scanner.bool()
    case .array:
      try scanner.beginArray()
      var count = 0
      while try scanner.nextElement() {
        try scanner.skipValue()
        count += 1
      }
      isSet = count > 0
    default:
      try scanner.skipValue()
      isSet = true
    }
    guard isSet else { return }
    if let reason = AdapterConfigReader.refused[key] {
      throw bad("\(key) is set: \(reason.why)", remedy: reason.remedy)
    }
    if !AdapterConfigReader.harmless.contains(key) { config.unknownKeys.append(key) }
  }

  private static let foldElsewhere = "Fold it with PEFT, and give the whole model."

  /// Settings with which the factors alone do not say what a weight becomes.
  private static let refused: [String: (why: String, remedy: String)] = [
    "alora_invocation_tokens": (
      "the adapter acts behind certain tokens only, so that no weights stand for it",
      "Serve it beside its base."
    ),
    "layer_replication": (
      "layers of the base are repeated", "Repeat them in the base first, then fold with PEFT."
    ),
    "use_qalora": ("inputs are pooled before the factors", foldElsewhere),
    "kasa_config": ("a diagonal stands between the factors", foldElsewhere),
    "use_bdlora": ("the factors are block-diagonal", foldElsewhere),
    "arrow_config": ("which adapter acts is decided for each token", "Serve it beside its base."),
    "monteclora_config": ("the factors are drawn from a distribution", foldElsewhere),
  ]

  /// Settings of training, or of where the adapter came from: the file of weights says the rest.
  private static let harmless: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "corda_config", "ensure_weight_tying",
    "ephemeral_gpu_offload", "eva_config", "exclude_modules", "inference_mode", "layers_pattern",
    "layers_to_transform", "loftq_config", "lora_bias", "lora_dropout", "lora_ga_config",
    "megatron_config", "megatron_core", "modules_to_save", "peft_version", "qalora_group_size",
    "revision", "runtime_config", "target_modules", "task_type", "velora_config",
    "target_modules_to_tie",
  ]
}
