extension ReferenceMerge {
  /// The significance of all linear tensors of a model, and the rates[p][t] of partition p, tensor t.
  func assignedRates(
    _ names: [String], _ deltas: [[Float]]
  ) -> (statistics: [Reference.Statistics], rates: [[Double]]) {
    let rule: ReferenceOptions.Rates =
      switch options.prune {
      case .magnitude: .uniform
      case .owl: .owl
      default: options.rates
      }
    let measure = options.significance ?? (rule == .code || rule == .owl ? .count : .mass)
    let statistics = deltas.map {
      Reference.statistics(of: $0, multiple: options.significanceMultiple, measure: measure)
    }
    let elements = deltas.map(\.count)
    let blocks = names.map(Reference.block)
    let blockMultiple = rule == .code ? 3 : options.significanceMultiple
    var blockSignificance: [String: Double] = [:]
    for block in Set(blocks) {
      let joined = zip(blocks, deltas).filter { $0.0 == block }.flatMap { $0.1 }
      blockSignificance[block] =
        Reference.statistics(of: joined, multiple: blockMultiple, measure: measure).significance
    }
    let shifts = Reference.shifts(
      rule, significance: statistics.map(\.significance), elements: elements, blocks: blocks,
      blockSignificance: blockSignificance, options: options, allElements: allElements)
    let rates = partitionRates.map { overall -> [Double] in
      // Rate 0 prunes nothing: docs/decisions/0004.
      if overall == 0 { return names.map { _ in 0 } }
      let start =
        options.rebalances ? Reference.balanced(overall, shifts, elements) : overall
      return shifts.map { min(max(start + $0, 0), 1) }
    }
    return (statistics, rates)
  }

  /// The elements of all tensors of weights.
  private var allElements: Int {
    base.reduce(0) { sum, tensor in
      tensor.dtype.isMergeable && !Reference.isRotaryBuffer(tensor.name)
        ? sum + tensor.shape.elementCount : sum
    }
  }
}

extension Reference {
  /// The name of a tensor up to the number of its block; all of it where there is none.
  package static func block(_ name: String) -> String {
    var taken: [Substring] = []
    for part in name.split(separator: ".", omittingEmptySubsequences: false) {
      let isNumber = !part.isEmpty && part.utf8.allSatisfy { 48...57 ~= $0 }
      let isNumbered = taken.last.map { groups.contains(String($0)) } ?? false
      taken.append(part)
      if isNumber, isNumbered { return taken.joined(separator: ".") }
    }
    return name
  }

  /// What each rule adds to the overall rate.
  ///
  /// Sources and formulas: ALGORITHMS of the product's documentation, rates; sums run in the given
  /// order, over blocks in the order of their first tensor.
  ///
  /// - Parameters:
  ///   - rule: The rule.
  ///   - significance: One per tensor, in byte order of names.
  ///   - elements: The number of elements of each.
  ///   - blocks: The block of each.
  ///   - blockSignificance: The significance of each block.
  ///   - options: Deviation, scale, denominator, normalisation.
  ///   - allElements: All deltas of the model.
  /// - Returns: One shift per tensor.
  package static func shifts(
    _ rule: ReferenceOptions.Rates, significance: [Double], elements: [Int], blocks: [String],
    blockSignificance: [String: Double], options: ReferenceOptions, allElements: Int
  ) -> [Double] {
    func norm(_ deviations: [Double]) -> [Double] {
      guard options.scalesDeviations else { return deviations.map { 0 - $0 } }
      let largest = deviations.map(abs).max() ?? 0
      if largest == 0 { return deviations.map { _ in 0 } }
      let scale = options.maxRateDeviation / largest
      return deviations.map { -1 * (scale * $0) }
    }
    if rule == .uniform { return elements.map { _ in 0 } }
    var total = 0.0
    var weighted = 0.0
    for (share, count) in zip(significance, elements) {
      weighted += share * Double(count)
      total += Double(count)
    }
    if options.dividesByAll { total = Double(allElements) }
    let layer = norm(significance.map { $0 - (total == 0 ? 0 : weighted / total) })
    if rule == .acl { return layer }

    var order: [String] = []
    for block in blocks where !order.contains(block) { order.append(block) }
    let shares = order.map { blockSignificance[$0] ?? 0 }
    var blockShift: [Double]
    if rule == .owl, options.owlUsesRange, let least = shares.min(), let most = shares.max() {
      let stretched = shares.map {
        most == least ? 0 : ($0 - least) / (most - least) * (2 * options.maxRateDeviation)
      }
      let mean = plainMean(stretched)
      blockShift = stretched.map { mean - $0 }
    } else {
      let mean = plainMean(shares)
      blockShift = norm(shares.map { $0 - mean })
    }
    return blocks.indices.map { position in
      let block = blockShift[order.firstIndex(of: blocks[position]) ?? 0]
      return rule == .owl ? block : block + layer[position]
    }
  }

  /// The rate from which the clamped rates average to the overall one.
  package static func balanced(_ overall: Double, _ shifts: [Double], _ elements: [Int]) -> Double {
    guard elements.contains(where: { $0 > 0 }) else { return overall }
    let reach = 1 + (shifts.map(abs).max() ?? 0)
    var ends = (low: -reach, high: reach)
    for _ in 0..<128 {
      let middle = ends.low + (ends.high - ends.low) / 2
      guard middle > ends.low, middle < ends.high else { break }
      var sum = 0.0
      var count = 0.0
      for (shift, number) in zip(shifts, elements) {
        let rate = max(0, min(1, middle + shift))
        sum += rate * Double(number)
        count += Double(number)
      }
      if sum / count < overall { ends.low = middle } else { ends.high = middle }
    }
    return ends.high
  }

  private static func plainMean(_ values: [Double]) -> Double {
    var sum = 0.0
    for value in values { sum += value }
    return values.isEmpty ? 0 : sum / Double(values.count)
  }
}
