package import SluiceCore
package import SluiceFormats

/// How factors of stacked experts are packed: no file says it.
package enum ExpertPacking: String, Sendable, Hashable, CaseIterable {
  /// The left factor is outputs x rank x experts.
  case peft
  /// The left factor is outputs x experts x rank.
  case unsloth
}

/// How products are rounded before they are added.
package enum AdapterRounding: String, Sendable, Hashable, CaseIterable {
  /// To Float32, once for each product and each sum.
  case exact
  /// As PEFT does on a CPU, which loads factors as F32.
  case peft
  /// As PEFT does where factors stay in their own type (`autocast_adapter_dtype=False`).
  case peftHalf = "peft-half"
}

/// A tensor of the base, as far as an adapter must know it.
package struct BaseTensor: Sendable, Hashable {
  /// The shape.
  package let shape: TensorShape
  /// The type of the elements.
  package let dtype: DType
  /// Whether a checkpoint has it as inputs x outputs; the shape is outputs x inputs nevertheless.
  package let isTurned: Bool

  /// Describes a tensor.
  ///
  /// - Parameters:
  ///   - shape: The shape.
  ///   - dtype: The type of the elements.
  ///   - isTurned: Whether a checkpoint has it as inputs x outputs.
  package init(shape: TensorShape, dtype: DType, isTurned: Bool = false) {
    self.shape = shape
    self.dtype = dtype
    self.isTurned = isTurned
  }
}

/// How an adapter is applied.
package struct AdapterUse: Sendable, Hashable {
  /// What its deltas are multiplied by.
  package var strength: Double
  /// How factors of stacked experts are packed; nil if it was not said.
  package var packing: ExpertPacking?
  /// How products are rounded.
  package var rounding: AdapterRounding

  /// Chooses.
  ///
  /// - Parameters:
  ///   - strength: What its deltas are multiplied by.
  ///   - packing: How factors of stacked experts are packed.
  ///   - rounding: How products are rounded.
  package init(
    strength: Double = 1, packing: ExpertPacking? = nil, rounding: AdapterRounding = .exact
  ) {
    self.strength = strength
    self.packing = packing
    self.rounding = rounding
  }
}

/// What an adapter does to the tensors of a base.
package struct AdapterMatch: Sendable {
  /// What is added, by the base's names.
  package var terms: [String: [DeltaTerm]] = [:]
  /// The tensors that take the place of the base's, under the base's names.
  package var saved: [TensorEntry] = []
  /// Whether stacked experts were unpacked, so that the packing mattered.
  package var usesPacking = false

  /// The tensors of the base that the adapter has something for.
  package var tensorNames: Set<String> { Set(terms.keys).union(saved.map(\.name)) }
}

/// Finds for each part of an adapter the tensor of the base that it belongs to.
package struct AdapterMatcher {
  let adapter: Adapter
  let use: AdapterUse
  /// A tensor of the base, or nil if there is none.
  let base: (String) -> BaseTensor?
  var result = AdapterMatch()
  private var steps = 0
  /// Whether parameters of stacked experts are being matched.
  var isAddingExperts = false
  /// How linear layers inside blocks keep their weights, as far as their shapes say.
  private var orientations: Set<Bool> = []

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

  private mutating func matchLinear(_ module: Adapter.Module) throws {
    let (a, b) = try factors(of: module, .factorA, .factorB)
    guard let (name, shape) = resolve(module.name, "weight") else { throw missing(module) }
    var dimensions = shape.dimensions
    if dimensions.count > 2 {
      guard dimensions[2...].allSatisfy({ $0 == 1 }) else {
        throw bad(
          "the base's tensor is a convolution of shape \(shape); only those of 1 x 1 can be folded",
          module, remedy: "Fold the adapter with PEFT, and give the whole model.")
      }
      dimensions.removeSubrange(2...)
    }
    let scale = try scale(of: module.name, a, expertCount: 1, module)
    let fits = (
      plain: dimensions == [b.rowCount, a.columnCount],
      transposed: dimensions == [a.columnCount, b.rowCount]
    )
    guard fits.plain || fits.transposed else {
      throw bad(
        "the factors make \(b.rowCount) x \(a.columnCount), the base's tensor is \(shape)", module,
        remedy: "Is this the base that the adapter was trained on?")
    }
    let isSquare = fits.plain && fits.transposed
    let known = orientations.count == 1 ? orientations.first : nil
    let asSaid = base(name)?.isTurned == true ? false : adapter.config.isTransposed
    let isTransposed = isSquare ? known ?? asSaid : fits.transposed
    var product = DeltaTerm.Product(
      left: isTransposed ? a.transposed : b, right: isTransposed ? b.transposed : a)
    try addMagnitude(to: &product, module, count: b.rowCount, isTransposed: isTransposed)
    add(.product(product), to: name, scale: scale)
    guard let entry = module.parts[.bias] else { return }
    guard let (biasName, biasShape) = resolve(module.name, "bias") else {
      throw bad(
        "lora_B has a bias, the base's module has none", entry,
        remedy: "Fold the adapter with PEFT after giving the base a bias of zeros.")
    }
    guard let vector = FactorMatrix(vector: entry), vector.columnCount == biasShape.elementCount
    else {
      throw bad(
        "the shape is \(entry.shape), that of the base's bias \(biasShape)", entry, remedy: nil)
    }
    add(.vector(vector), to: biasName, scale: scale)
  }

  private mutating func matchEmbedding(_ module: Adapter.Module) throws {
    let (a, b) = try factors(of: module, .embeddingA, .embeddingB)
    guard let (name, baseShape) = resolve(module.name, "weight") else { throw missing(module) }
    // Where rows were added, the embedding is saved whole beside its factors.
    let shape = adapter.saved.first { $0.name == name }?.shape ?? baseShape
    guard shape.dimensions == [a.columnCount, b.rowCount] else {
      throw bad(
        "the factors make \(a.columnCount) x \(b.rowCount), the embedding is \(shape)", module,
        remedy: "Is this the base that the adapter was trained on?")
    }
    let scale = try scale(of: module.name, a, expertCount: 1, module)
    var product = DeltaTerm.Product(left: a.transposed, right: b.transposed)
    try addMagnitude(to: &product, module, count: b.rowCount, isTransposed: true)
    add(.product(product), to: name, scale: scale)
  }

  private func addMagnitude(
    to product: inout DeltaTerm.Product, _ module: Adapter.Module, count: Int, isTransposed: Bool
  ) throws {
    guard let entry = module.parts[.magnitude] else { return }
    guard let magnitude = FactorMatrix(vector: entry), magnitude.columnCount == count else {
      throw bad("the shape is \(entry.shape), expected [\(count)]", entry, remedy: nil)
    }
    product.magnitude = magnitude
    product.hasColumnMagnitudes = isTransposed
  }

  private mutating func matchRows(_ entry: TensorEntry, of module: Adapter.Module) throws {
    guard let (name, shape) = resolve(module.name, "weight"), shape.rank == 2 else {
      throw missing(module)
    }
    let indices: [Int]? =
      switch adapter.config.tokenRows {
      case .ofEmbedding(let rows): rows
      case .byModule(let table):
        table.first { key, _ in module.name == key || module.name.hasSuffix(".\(key)") }?.value
      case nil: nil
      }
    guard let indices, let matrix = FactorMatrix(matrix: entry), matrix.rowCount == indices.count,
      matrix.columnCount == shape.dimensions[1]
    else {
      throw bad(
        "\(entry.shape) holds other rows than trainable_token_indices names", entry,
        remedy: "Config and weights disagree: use those that were saved together.")
    }
    if let outside = indices.first(where: { $0 >= shape.dimensions[0] }) {
      throw bad(
        "row \(outside) of an embedding with \(shape.dimensions[0]) rows", entry,
        remedy: "Resize the base's embedding first, as it was for training.")
    }
    let places = Dictionary(uniqueKeysWithValues: zip(indices, indices.indices))
    add(.rows(places, matrix), to: name, scale: 1)
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

  /// The factors, as matrices that fit together.
  func factors(
    of module: Adapter.Module, _ first: AdapterKey.Part, _ second: AdapterKey.Part
  ) throws -> (FactorMatrix, FactorMatrix) {
    guard let a = module.parts[first].flatMap(FactorMatrix.init(matrix:)),
      let b = module.parts[second].flatMap(FactorMatrix.init(matrix:)),
      a.rowCount > 0, a.columnCount > 0, b.rowCount > 0
    else {
      throw bad(
        "the factors are no matrices", module,
        remedy: "Gather the shards of the training before saving (DeepSpeed ZeRO-3, FSDP).")
    }
    guard a.rowCount == b.columnCount else {
      throw bad(
        "the factors are \(a.rowCount) x \(a.columnCount) and \(b.rowCount) x \(b.columnCount): "
          + "their ranks disagree", module, remedy: "Download the adapter again.")
    }
    return (a, b)
  }

  /// The scale of a module, once its rank is that of the config.
  mutating func scale(
    of name: String, _ a: FactorMatrix, expertCount: Int, _ module: Adapter.Module
  ) throws -> Double {
    let config = adapter.config
    let rank = config.rankPatterns.value(of: name, steps: &steps) ?? config.rank
    let alpha = config.alphaPatterns.value(of: name, steps: &steps) ?? config.alpha
    guard steps < PatternTable<Int>.stepLimit else {
      throw AdapterError.bad(
        "matching rank_pattern and alpha_pattern with all modules takes too long",
        file: "\(adapter.path)/\(AdapterConfig.fileName)",
        remedy: "Write the names of modules in the place of patterns.")
    }
    guard a.rowCount == rank * expertCount else {
      throw bad(
        "the rank is \(a.rowCount / expertCount), the config says \(rank)", module,
        remedy: "Config and weights disagree: use those that were saved together.")
    }
    guard rank <= FactorRoom.pieceElements else {
      throw bad(
        "the rank is \(rank); at most \(FactorRoom.pieceElements) are supported", module,
        remedy: "Is this an adapter?")
    }
    return config.scale(rank: rank, alpha: alpha)
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
