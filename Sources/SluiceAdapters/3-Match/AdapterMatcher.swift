internal import SluiceCore
internal import SluiceFormats

/// Finds for each part of an adapter the tensor of the base that it belongs to.
package struct AdapterMatcher {
  let adapter: Adapter
  let use: AdapterUse
  /// A tensor of the base, or nil if there is none.
  let base: (String) -> BaseTensor?
  var result = AdapterMatch()
  /// What matching patterns with modules has taken.
  var steps = 0
  /// Whether parameters of stacked experts are being matched.
  var isAddingExperts = false
  /// How linear layers inside blocks keep their weights, as far as their shapes say.
  var orientations: Set<Bool> = []

  /// Matches an adapter with a base.
  ///
  /// - Parameters:
  ///   - adapter: The adapter.
  ///   - use: How it is applied.
  ///   - base: A tensor of the base, or nil if there is none.
  /// - Returns: What the adapter does.
  /// - Throws: `AdapterError` if it does not fit.
  package static func match(
    _ adapter: Adapter, _ use: AdapterUse, base: @escaping (String) -> BaseTensor?
  ) throws -> AdapterMatch {
    var matcher = AdapterMatcher(adapter: adapter, use: use, base: base)
    return try matcher.match()
  }

  private init(adapter: Adapter, use: AdapterUse, base: @escaping (String) -> BaseTensor?) {
    self.adapter = adapter
    self.use = use
    self.base = base
  }

  var file: String { adapter.weights.path }

  private mutating func match() throws -> AdapterMatch {
    let experts = ExpertGroups(adapter)
    for module in adapter.modules where !experts.contains(module) { noteOrientation(of: module) }
    for module in adapter.modules where !experts.contains(module) { try match(module) }
    isAddingExperts = true
    for group in experts.groups { try match(group) }
    for entry in adapter.saved { try match(saved: entry) }
    return result
  }

  /// The name under which the base has a module's tensor.
  ///
  /// Mixtral's files say `block_sparse_moe` where newer libraries, and adapters made with them, say
  /// `mlp`.
  func resolve(_ module: String, _ parameter: String) -> (name: String, shape: TensorShape)? {
    for module in AdapterMatcher.otherNames(of: module) {
      let name = "\(module).\(parameter)"
      if let tensor = base(name) { return (name, tensor.shape) }
    }
    return nil
  }

  static func otherNames(of module: String) -> [String] {
    var names = [module]
    let words = module.split(separator: ".", omittingEmptySubsequences: false)
    for (one, other) in [("mlp", "block_sparse_moe"), ("block_sparse_moe", "mlp")] {
      if let position = words.firstIndex(of: one[...]) {
        var changed = words
        changed[position] = other[...]
        names.append(changed.joined(separator: "."))
      }
    }
    return names
  }

  private mutating func noteOrientation(of module: Adapter.Module) {
    guard let a = module.parts[.factorA].flatMap(FactorMatrix.init(matrix:)),
      let b = module.parts[.factorB].flatMap(FactorMatrix.init(matrix:)),
      a.columnCount != b.rowCount,
      let (name, shape) = resolve(module.name, "weight"), shape.rank == 2,
      name.split(separator: ".").contains(where: { Int($0) != nil })
    else { return }
    orientations.insert(shape.dimensions == [a.columnCount, b.rowCount])
  }

  private mutating func match(_ module: Adapter.Module) throws {
    guard module.level == 0 else {
      throw bad(
        "wrappers of parameters, but target_parameters names none of this module", module,
        remedy: "Config and weights disagree: use those that were saved together.")
    }
    if module.parts[.factorA] != nil { try matchLinear(module) }
    if module.parts[.embeddingA] != nil { try matchEmbedding(module) }
    if let entry = module.parts[.tokenRows] { try matchRows(entry, of: module) }
  }

  private mutating func match(saved entry: TensorEntry) throws {
    let name = AdapterMatcher.otherNames(of: entry.name).first { base($0) != nil }
    guard let name else {
      throw bad(
        "no tensor of the base has this name", entry,
        remedy: "Is this the base that the adapter was trained on?")
    }
    if use.strength == 1 {
      result.saved.append(
        TensorEntry(
          name: name, dtype: entry.dtype, shape: entry.shape, byteRange: entry.byteRange,
          view: entry.view))
      return
    }
    let isTurned = base(name)?.isTurned == true
    let dimensions = base(name)?.shape.dimensions
    guard let matrix = FactorMatrix(matrix: entry) ?? FactorMatrix(vector: entry),
      (isTurned ? dimensions?.reversed() : dimensions) == entry.shape.dimensions
    else {
      throw bad(
        "its shape is \(entry.shape), the base's \(base(name)?.shape.description ?? "another"): "
          + "only a part of its difference was asked for", entry,
        remedy: "Give the adapter the scale 1.")
    }
    add(.whole(isTurned ? matrix.transposed : matrix), to: name, scale: 1)
  }
}

extension AdapterMatcher {
  mutating func add(_ content: DeltaTerm.Content, to name: String, scale: Double) {
    result.terms[name, default: []].append(
      DeltaTerm(
        content: content, scale: scale, strength: use.strength,
        isFused: use.rounding != .exact, roundings: roundings(of: content, name),
        file: adapter.weights.input))
  }

  /// PEFT adds the deltas of linear layers as they are, and gives others the base's type first.
  private func roundings(of content: DeltaTerm.Content, _ name: String) -> [DType] {
    let own: DType
    var isLinear = true
    switch content {
    case .product(let product):
      own = product.left.dtype
      isLinear = !isEmbedding(product) && !isAddingExperts
    case .vector(let vector): own = vector.dtype
    case .rows, .whole: return []
    }
    switch use.rounding {
    case .exact: return []
    case .peft: return isLinear ? [] : [base(name)?.dtype].compactMap(\.self)
    case .peftHalf: return [own] + (isLinear ? [] : [base(name)?.dtype].compactMap(\.self))
    }
  }

  private func isEmbedding(_ product: DeltaTerm.Product) -> Bool {
    product.left.tensor.contains(bytesOf: "lora_embedding_")
      || product.right.tensor.contains(bytesOf: "lora_embedding_")
  }

  func missing(_ module: Adapter.Module) -> AdapterError {
    bad(
      "the base has no such tensor", module,
      remedy: "Is this the base that the adapter was trained on?")
  }

  func bad(_ message: String, _ module: Adapter.Module, remedy: String?) -> AdapterError {
    let entry = module.parts[.factorA] ?? module.parts[.embeddingA] ?? module.parts.values.first
    return .bad(message, file: file, tensor: entry?.name ?? module.name, remedy: remedy)
  }

  func bad(_ message: String, _ entry: TensorEntry, remedy: String?) -> AdapterError {
    .bad(message, file: file, tensor: entry.name, remedy: remedy)
  }
}
