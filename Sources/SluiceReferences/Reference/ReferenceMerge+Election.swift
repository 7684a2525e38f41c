extension ReferenceMerge {
  /// The trim of TIES on all tensors of one model.
  func trimmed(_ values: [String: [Float]]) -> [String: [Float]] {
    let share = options.keptShare
    if options.selectingFlavor == .original {
      // The k-th smallest of all, counted from 1; what reaches it stays.
      let all = values.values.joined().map(\.magnitude).sorted()
      let k = all.count - Int((Double(all.count) * share).rounded(.down))
      let threshold = k > 0 ? all[k - 1] : 0
      return values.mapValues { $0.map { $0.magnitude >= threshold ? $0 : 0 } }
    }
    return values.mapValues { delta in
      let quota = Int((Double(delta.count) * share).rounded(.down))
      var seen: [Float: UInt32] = [:]
      let keys = delta.map { value -> UInt32 in
        defer { seen[value.magnitude, default: 0] += 1 }
        return Reference.bitrev32(seen[value.magnitude] ?? 0)
      }
      let order = delta.indices.sorted {
        (-delta[$0].magnitude, keys[$0]) < (-delta[$1].magnitude, keys[$1])
      }
      var result = delta.map { _ in Float(0) }
      for position in order.prefix(quota) { result[position] = delta[position] + 0 }
      return result
    }
  }

  /// Whether more sums are positive or negative: 1, -1, or 0.
  func majority(of deltas: [[String: [Float]]]) -> Int {
    guard options.elects, options.zeroRule == .majority, let first = deltas.first else { return 0 }
    var difference = 0
    for (name, values) in first {
      for index in values.indices {
        var sum = values[index]
        for other in deltas.dropFirst() { sum += other[name]?[index] ?? 0 }
        difference += sum > 0 ? 1 : sum < 0 ? -1 : 0
      }
    }
    return difference.signum()
  }

  /// Merges the deltas of one element.
  func merge(_ deltas: [Float], tensor: String, majority: Int) -> Float {
    let first = deltas.first ?? 0
    switch options.merge {
    case .sum, .lmCocktail: return deltas.dropFirst().reduce(first, +)
    case .average: return deltas.dropFirst().reduce(first, +) / Float(deltas.count)
    case .adaMerging:
      let terms = deltas.enumerated().map { model, value -> Float in
        let factor = coefficient(tensor, model: model)
        return factor == 1 ? value : factor * value
      }
      return terms.dropFirst().reduce(terms[0], +)
    case .ownRegMean: preconditionFailure("models are blended row by row")
    case .ties, .adaMergingPlusPlus: break
    }
    let sum = deltas.dropFirst().reduce(first, +)
    var sign = sum > 0 ? 1 : sum < 0 ? -1 : 0
    if sign == 0 {
      switch options.zeroRule {
      case .positive: sign = 1
      case .majority: sign = majority
      case .drop: return 0
      }
    }
    let agreeing = deltas.indices.filter { Float(sign) * deltas[$0] > 0 }
    var total: Float = 0
    if options.merge == .adaMergingPlusPlus {
      for model in agreeing { total += coefficient(tensor, model: model) * deltas[model] }
      return total
    }
    for model in agreeing { total += deltas[model] }
    if options.addsElected { return total }
    guard options.flavor == .mergekit else { return total / Float(max(agreeing.count, 1)) }
    var divisor: Float = 0
    for model in agreeing { divisor += Float(options.weight[models[model].name] ?? 1) }
    return total / (divisor == 0 ? 1 : divisor)
  }

  private func coefficient(_ tensor: String, model: Int) -> Float {
    guard let own = options.coefficients[models[model].name] else { return 0 }
    return Float(min(max(own.tensors[tensor] ?? own.common, 0), 1))
  }
}
