extension ReferenceMerge {
  /// DARE: drops at random, makes up for it, then amplifies linear tensors.
  ///
  /// Source: DARE (arXiv 2311.03099); the draws are ours, see `Reference.dareDraw`.
  func drop(
    _ delta: [Float], of tensor: TinyTensor, model index: Int, isLinear: Bool
  ) -> [Float] {
    let limits = partitionRates.map { ($0 * 16_777_216).rounded() }
    let draws = delta.indices.map {
      Double(Reference.dareDraw(seed: options.seed, model: index, tensor: tensor.name, index: $0))
    }
    let target = limits[limits.count - 1]
    var kept = zip(delta, draws).map { $1 >= target ? $0 : 0 }
    if isLinear { kept = madeUp(kept, of: delta, tensor) }
    var factor: Float = 1
    switch options.rescale {
    case .none: break
    // Rows that are made up for by themselves need no more; other tensors have no rows.
    case .inverse where isLinear && options.ownRank != nil: break
    case .rowL2 where isLinear: break
    case .inverse, .rowL2: factor = Float(1 / (1 - options.pruningRate))
    case .l1:
      let whole = Reference.exactSum(delta.map { Double($0.magnitude) })
      let left = Reference.exactSum(kept.map { Double($0.magnitude) })
      if left > 0 { factor = Float(whole / left) }
    }
    return kept.indices.map { position in
      let value = factor == 1 ? kept[position] : kept[position] * factor
      guard isLinear else { return value }
      let holding = limits.indices.filter { draws[position] >= limits[$0] }
      let factors = holding.map { Float(models[index].factors[$0]) }
      guard let first = factors.first else { return value }
      guard options.combine == .max else { return value * first }
      return value * factors.dropFirst().reduce(first) { $1.magnitude > $0.magnitude ? $1 : $0 }
    }
  }

  /// Wanda on deltas: removes the smallest scores of each row.
  ///
  /// Source: Wanda (arXiv 2306.11695), section 3, with a stable sort.
  func byRow(_ delta: [Float], of tensor: TinyTensor, model index: Int) -> [Float] {
    let columns = tensor.shape.dimensions.last ?? 0
    let norms = options.norms[models[index].name]?[tensor.name] ?? []
    var result = delta
    for row in stride(from: 0, to: delta.count, by: max(columns, 1)) {
      let scores = (0..<columns).map { delta[row + $0].magnitude * norms[$0] }
      let order = (0..<columns).sorted { (scores[$0], $0) < (scores[$1], $1) }
      let removed = Int((options.pruningRate * Double(columns)).rounded(.down))
      for column in order.prefix(removed) { result[row + column] = 0 }
    }
    return madeUp(result, of: delta, tensor)
  }
}
