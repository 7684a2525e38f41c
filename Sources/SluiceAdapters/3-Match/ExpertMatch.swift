internal import SluiceCore
internal import SluiceFormats

/// The modules of an adapter that adapt parameters of stacked experts (`target_parameters`).
///
/// Each further parameter of a module lies one wrapper deeper: `experts.lora_A`, then
/// `experts.base_layer.lora_A`.
struct ExpertGroups {
  struct Group {
    let module: String
    /// The parameters that the config names, in the order of their names.
    let parameters: [String]
    /// The factors, the outermost first.
    let levels: [Adapter.Module]
  }

  private(set) var groups: [Group] = []
  private var names: Set<String> = []

  init(_ adapter: Adapter) {
    guard !adapter.config.targetParameters.isEmpty else { return }
    let byName = Dictionary(grouping: adapter.modules) { $0.name }
    for (name, levels) in byName.sorted(by: { $0.key < $1.key }) {
      let parameters = Set(
        adapter.config.targetParameters.compactMap { target -> String? in
          let words = target.split(separator: ".", omittingEmptySubsequences: false)
          let module = words.dropLast().joined(separator: ".")
          guard module.isEmpty || name == module || name.hasSuffix(".\(module)") else { return nil }
          return words.last.map { String($0) }
        })
      guard !parameters.isEmpty, levels.allSatisfy({ $0.parts[.factorA] != nil }) else { continue }
      names.insert(name)
      groups.append(
        Group(
          module: name, parameters: parameters.sorted(),
          levels: levels.sorted { $0.level < $1.level }))
    }
  }

  func contains(_ module: Adapter.Module) -> Bool { names.contains(module.name) }
}

extension AdapterMatcher {
  /// Where the matrices of a parameter lie in the base.
  private struct Target {
    let parameter: String
    let expertCount: Int
    /// The rows and columns of one expert's matrix.
    let rowCount: Int
    let columnCount: Int
    /// The tensors, with the expert of each and its rows; one for all experts where they are stacked.
    let tensors: [(name: String, expert: Int?, rows: Range<Int>)]
  }

  mutating func match(_ group: ExpertGroups.Group) throws {
    let targets = group.parameters.compactMap { target($0, of: group.module) }
    let levels = group.levels
    guard let first = levels.first else { return }
    guard targets.count == levels.count, levels.enumerated().allSatisfy({ $0 == $1.level }) else {
      throw bad(
        "\(levels.count) pairs of factors for the parameters "
          + "\(group.parameters.map(\.printable).joined(separator: ", ")), of which the base has "
          + "\(targets.count)", first, remedy: "Is this the base that the adapter was trained on?")
    }
    let pairs = try levels.map { ($0, try factors(of: $0, .factorA, .factorB)) }
    let order = try assignment(pairs.map(\.1), targets, first)
    for (pair, position) in zip(pairs, order) {
      try add(
        targets[position], pair.1, pair.0, among: zip(order, pairs.map(\.1)).map { ($0, $1) },
        targets)
    }
  }

  /// Which parameter each pair of factors belongs to: what shapes leave open is in the order in which
  /// modules declare their parameters, `gate_up_proj` first and so innermost.
  private func assignment(
    _ pairs: [(FactorMatrix, FactorMatrix)], _ targets: [Target], _ module: Adapter.Module
  ) throws -> [Int] {
    var found: [[Int]] = []
    func search(_ chosen: [Int]) {
      guard chosen.count < pairs.count, found.count < 3 else {
        found.append(chosen)
        return
      }
      for index in targets.indices where !chosen.contains(index) {
        let fits = AdapterMatcher.fits(pairs[chosen.count], targets[index])
        if fits.plain || fits.transposed { search(chosen + [index]) }
      }
    }
    search([])
    if found.count == 1 { return found[0] }
    if found.count == 2 {
      let declared = ["gate_up_proj", "down_proj"]
      let known = found.first { order in
        order.map { targets[$0].parameter } == declared.reversed()
      }
      if let known { return known }
    }
    throw bad(
      found.isEmpty
        ? "the factors fit none of the parameters "
          + targets.map { "\($0.parameter.printable)" }.joined(separator: ", ")
        : "which parameter the factors belong to cannot be told from their shapes", module,
      remedy: found.isEmpty
        ? "Is this the base that the adapter was trained on?"
        : "Fold the adapter with PEFT, and give the whole model.")
  }

  /// How factors may lie over a parameter: outputs x inputs, or inputs x outputs.
  private static func fits(
    _ pair: (FactorMatrix, FactorMatrix), _ target: Target
  ) -> (plain: Bool, transposed: Bool) {
    let (a, b) = pair
    guard a.rowCount % target.expertCount == 0 else { return (false, false) }
    let size = (target.rowCount, target.columnCount)
    return ((b.rowCount, a.columnCount) == size, (a.columnCount, b.rowCount) == size)
  }

  private mutating func add(
    _ target: Target, _ pair: (FactorMatrix, FactorMatrix), _ module: Adapter.Module,
    among all: [(Int, (FactorMatrix, FactorMatrix))], _ targets: [Target]
  ) throws {
    let fits = AdapterMatcher.fits(pair, target)
    var isTransposed = fits.transposed
    if fits.plain && fits.transposed {
      // A square matrix lies as the others of the adapter do.
      let seen = Set(
        all.compactMap { index, pair -> Bool? in
          let fits = AdapterMatcher.fits(pair, targets[index])
          return fits.plain != fits.transposed ? fits.transposed : nil
        })
      guard target.expertCount == 1 || seen.count == 1 else {
        throw bad(
          "each expert's matrix is square, so that it cannot be told which side is the input",
          module, remedy: "Fold the adapter with PEFT, and give the whole model.")
      }
      isTransposed = seen.first ?? false
    }
    let count = target.expertCount
    let scale = try scale(
      of: "\(module.name).\(target.parameter)", pair.0, expertCount: count, module)
    let rank = pair.0.rowCount / count
    let packing = try packing(rank: rank, expertCount: count, module)
    // rank x inputs of the first expert, and outputs x rank.
    var a = pair.0.rows(0..<rank)
    a.expertStride = rank * a.rowStride
    var b = pair.1
    b.columnCount = rank
    b.expertStride = packing == .peft ? b.columnStride : rank * b.columnStride
    if packing == .peft { b.columnStride *= count }
    let (left, right) = isTransposed ? (a.transposed, b.transposed) : (b, a)
    for (name, expert, rows) in target.tensors {
      var product = DeltaTerm.Product(left: left.rows(rows), right: right)
      if let expert {
        product.left.offset += expert * left.expertStride
        product.right.offset += expert * right.expertStride
      } else {
        product.expertCount = count
      }
      add(.product(product), to: name, scale: scale)
    }
  }

  private mutating func packing(
    rank: Int, expertCount: Int, _ module: Adapter.Module
  ) throws -> ExpertPacking {
    guard expertCount > 1, rank > 1 else { return .peft }
    result.usesPacking = true
    guard let packing = use.packing else {
      throw bad(
        "the factors of \(expertCount) experts can be packed in two ways, and no file says which",
        module,
        remedy: "Say which library trained it: --lora-experts peft, or --lora-experts unsloth.")
    }
    return packing
  }

  private func target(_ parameter: String, of module: String) -> Target? {
    if let (name, shape) = resolve(module, parameter) {
      let dimensions = shape.dimensions
      guard dimensions.count == 2 || dimensions.count == 3 else { return nil }
      let count = dimensions.count == 3 ? dimensions[0] : 1
      let (rows, columns) = (dimensions[dimensions.count - 2], dimensions[dimensions.count - 1])
      guard count > 0 else { return nil }
      return Target(
        parameter: parameter, expertCount: count, rowCount: rows, columnCount: columns,
        tensors: [(name, nil, 0..<rows)])
    }
    return AdapterMatcher.otherNames(of: module).lazy.compactMap { separate(parameter, of: $0) }
      .first
  }

  /// The tensors of a base that keeps each expert by itself: first the gate's rows, then those of
  /// the other half.
  private func separate(_ parameter: String, of module: String) -> Target? {
    let spellings: [[String]]
    switch parameter {
    case "gate_up_proj": spellings = [["w1", "w3"], ["gate_proj", "up_proj"]]
    case "down_proj": spellings = [["w2"], ["down_proj"]]
    default: return nil
    }
    for parts in spellings {
      func name(_ expert: Int, _ part: String) -> String { "\(module).\(expert).\(part).weight" }
      guard let shape = base(name(0, parts[0]))?.shape, shape.rank == 2 else { continue }
      var tensors: [(String, Int?, Range<Int>)] = []
      var expert = 0
      while base(name(expert, parts[0]))?.shape == shape {
        for (position, part) in parts.enumerated() {
          guard base(name(expert, part))?.shape == shape else { return nil }
          let start = position * shape.dimensions[0]
          tensors.append((name(expert, part), expert, start..<start + shape.dimensions[0]))
        }
        expert += 1
      }
      return Target(
        parameter: parameter, expertCount: expert, rowCount: shape.dimensions[0] * parts.count,
        columnCount: shape.dimensions[1], tensors: tensors)
    }
    return nil
  }
}
