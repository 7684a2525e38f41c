extension ReferenceMerge {
  /// Masks that keep the largest deltas of each row by itself, one for each rate.
  ///
  /// Formula: of n elements those that come first in the order (|delta| descending, tie key ascending), as
  /// many as max(1, n - ceil(rate * n)), without zeros; tie keys count from the row's first element.
  ///
  /// - Parameters:
  ///   - delta: Finite deltas, row after row.
  ///   - columns: The number of elements in a row.
  ///   - rates: The rates.
  /// - Returns: One mask for each rate.
  func rowMasks(_ delta: [Float], columns: Int, rates: [Double]) -> [Reference.Mask] {
    rates.map { rate in
      var isKept: [Bool] = []
      for first in stride(from: 0, to: delta.count, by: columns) {
        isKept += keptOfRow(Array(delta[first..<first + columns]), rate: rate)
      }
      return Reference.Mask(isKept: isKept, threshold: 0, tied: 0)
    }
  }

  private func keptOfRow(_ row: [Float], rate: Double) -> [Bool] {
    var seen: [Float: UInt32] = [:]
    let keys = row.map { value in
      let before = seen[value.magnitude, default: 0]
      seen[value.magnitude] = before + 1
      return options.tieBreak == .spread ? Reference.bitrev32(before) : before
    }
    let order = row.indices.sorted {
      row[$0].magnitude != row[$1].magnitude
        ? row[$0].magnitude > row[$1].magnitude : keys[$0] < keys[$1]
    }
    let quota = max(1, row.count - Int((rate * Double(row.count)).rounded(.up)))
    let first = Set(order.prefix(quota))
    let threshold = row[order[quota - 1]].magnitude
    return row.indices.map { index in
      guard row[index] != 0 else { return false }
      guard threshold > 0 else { return true }
      return switch options.tieBreak {
      case .spread, .index: first.contains(index)
      case .drop: row[index].magnitude > threshold
      case .keep: row[index].magnitude >= threshold
      }
    }
  }

  /// What is kept of a layer, with what makes up in each row for what a mask removed.
  ///
  /// - Parameters:
  ///   - kept: What the mask left.
  ///   - delta: What it found.
  ///   - tensor: The layer.
  /// - Returns: The deltas.
  func madeUp(_ kept: [Float], of delta: [Float], _ tensor: TinyTensor) -> [Float] {
    let columns = tensor.shape.dimensions.last ?? 0
    guard columns > 0 else { return kept }
    guard let rank = options.ownRank else {
      return restored(kept, of: delta, columns: columns)
    }
    func rows(_ values: [Float]) -> Reference.Rows {
      stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) }
    }
    let deltas = rows(delta)
    // A model that does not change the layer has no directions.
    let directions = taken(
      Reference.own(
        of: [deltas], rank: rank, isOrthonormal: false, seed: options.seed, tensor: tensor.name),
      of: [deltas]
    ).directions
    guard !directions.isEmpty else { return kept }
    return zip(deltas, rows(kept)).flatMap {
      Reference.compensated($0, kept: $1, along: directions, ridge: options.ridge)
    }
  }

  /// As many of the directions as hold the share that is asked for, if one is.
  private func taken(_ own: Reference.Own, of models: [Reference.Rows]) -> Reference.Own {
    options.ownPercent.map { own.first(holding: $0 / 100, of: models) } ?? own
  }

  /// What makes up for what a mask removed of the norm of each row.
  ///
  /// Formula: the kept deltas k of a row times f * ||d|| / ||k||, a factor rounded to Float32; 1 where
  /// nothing is kept.
  ///
  /// - Parameters:
  ///   - kept: What the mask left.
  ///   - delta: What it found.
  ///   - columns: The number of elements in a row.
  /// - Returns: The deltas.
  func restored(_ kept: [Float], of delta: [Float], columns: Int) -> [Float] {
    guard options.rescale == .rowL2, columns > 0 else { return kept }
    var result = kept
    for first in stride(from: 0, to: kept.count, by: columns) {
      let row = first..<first + columns
      let (whole, left) = (Reference.squares(delta[row]), Reference.squares(kept[row]))
      let factor = left > 0 ? Float(options.rowFactor * (whole / left).squareRoot()) : 1
      for index in row { result[index] = kept[index] * factor }
    }
    return result
  }

  /// The deltas of all models, blended by what they say of their inputs; the mean of tensors without rows.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - tensor: The tensor.
  ///   - isLinear: Whether it is a linear layer.
  /// - Returns: The merged deltas.
  func blended(_ deltas: [[Float]], _ tensor: TinyTensor, isLinear: Bool) -> [Float] {
    let weights = models.map { options.weight[$0.name] ?? 1 }
    let columns = tensor.shape.dimensions.last ?? 0
    guard isLinear, columns > 0 else {
      let shares = weights.map { Double(Float($0)) / Double(deltas.count) }
      return ScalarKernels.blended(deltas, shares: shares)
    }
    let rows = deltas.map { values in
      stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) }
    }
    let own = taken(
      Reference.own(
        of: rows, rank: options.ownRank ?? 32, isOrthonormal: true, seed: options.seed,
        tensor: tensor.name), of: rows)
    let count = own.directions.count
    return Reference.blended(
      rows, own, weights: weights.map { Double(Float($0)) }, share: options.gramShare,
      removal: options.blendRate > 0
        ? Reference.Removal(
          rate: options.blendRate, factor: options.blendFactor,
          directionCount: options.compensatesBlends
            ? options.ownPercent == nil
              ? options.ownRank ?? 32 : (count + rows.count - 1) / rows.count
            : 0,
          ridge: options.ridge) : nil
    ).flatMap(\.self)
  }

  /// The deltas that a mask keeps.
  func masked(_ delta: [Float], by mask: Reference.Mask) -> [Float] {
    zip(delta, mask.isKept).map { $1 ? $0 : 0 }
  }
}
