internal import SluiceCore
internal import SluiceFormats

extension AdapterMatcher {
  mutating func matchLinear(_ module: Adapter.Module) throws {
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

  mutating func matchEmbedding(_ module: Adapter.Module) throws {
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

  mutating func matchRows(_ entry: TensorEntry, of module: Adapter.Module) throws {
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
}

extension AdapterMatcher {
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
}
