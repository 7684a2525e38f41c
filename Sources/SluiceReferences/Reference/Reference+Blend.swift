/// Models merged by what their deltas say of their inputs, number by number.
extension Reference {
  /// What a layer's deltas have along directions that models share.
  package struct Projected {
    /// For each model and each of its rows the products with directions.
    package let rows: [[[Double]]]
    /// For each model the products of these with each other, over all rows.
    package let cores: [[[Double]]]

    /// Projects the deltas of models; cores are added up over the rows of a block, then over blocks.
    package init(_ models: [Rows], on directions: Rows, blockElements: Int = 1 << 24) {
      rows = models.map { $0.map { ScalarKernels.projected($0, directions) } }
      let step = max(1, blockElements / max(models[0].first?.count ?? 0, 1))
      cores = rows.map { rows in
        var total: [[Double]] = []
        for first in stride(from: 0, to: rows.count, by: step) {
          let block = Array(rows[first..<min(first + step, rows.count)])
          let sums = ScalarKernels.gram(block, where: block.map { _ in 1 })
          total = total.isEmpty ? sums : zip(total, sums).map { zip($0, $1).map(+) }
        }
        return total
      }
    }
  }

  /// The merged deltas of a layer by RegMean with Gram matrices of the deltas themselves.
  ///
  /// Formula: with Q the directions, C_t the cores, g_t the mean of the diagonal of transpose(D_t) D_t and K models, for
  /// each row the mean of w d, plus the sum of w d Q A_t transpose(Q), with A_t = (C_t / g_t + eps I) inverse(C_1 / g_1 +
  /// ... + K eps I) - I / K. Only models that change the layer count.
  /// Source: ours, after RegMean (arXiv 2212.09849).
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - own: The directions that they share.
  ///   - weights: The models' weights.
  ///   - share: eps.
  ///   - removal: What of each row of each model's blended deltas is removed, and what makes up for it.
  /// - Returns: The merged deltas, row by row.
  package static func blended(
    _ deltas: [Rows], _ own: Own, weights: [Double], share: Double,
    removal: Removal? = nil
  ) -> Rows {
    let present = deltas.indices.filter { own.energies[$0] > 0 }
    let columns = deltas[0].first?.count ?? 0
    guard !present.isEmpty else { return deltas[0].map { $0.map { _ in 0 } } }
    let projected = Projected(deltas, on: own.directions)
    let factors = factors(
      present.map { projected.cores[$0] }, energies: present.map { own.energies[$0] },
      columns: columns, share: share)
    let count = Double(present.count)
    /// What directions are multiplied by in a row, of some models.
    func added(_ row: Int, _ models: [Int], weights: [Double]) -> [Float] {
      var left: [Float] = []
      var right: [Float] = []
      for (factor, model) in zip(factors, present) where models.contains(model) {
        left += projected.rows[model][row].map { Float($0) }
        right += factor.flatMap { $0.map { Float(weights[model] * $0) } }
      }
      let found = ScalarKernels.product(left, right, rank: left.count, scale: 1)
      return ScalarKernels.product(
        found, own.directions.flatMap(\.self), rank: found.count, scale: 1)
    }
    guard let removal else {
      return deltas[0].indices.map { row in
        let shares = deltas.indices.map { own.energies[$0] > 0 ? weights[$0] / count : 0 }
        return ScalarKernels.blended(
          deltas.map { $0[row] }, shares: shares, added: added(row, present, weights: weights))
      }
    }
    let strongest = strongest(
      present.map { projected.cores[$0] }, energies: present.map { own.energies[$0] },
      count: removal.directionCount, along: own.directions)
    return deltas[0].indices.map { row in
      var merged: [Float]?
      for model in deltas.indices {
        var values = [Float](repeating: 0, count: columns)
        if own.energies[model] > 0 {
          let blended = ScalarKernels.blended(
            [deltas[model][row]], shares: [1 / count],
            added: added(row, [model], weights: deltas.map { _ in 1 }))
          values = largest(of: blended, removal)
          if removal.directionCount > 0 {
            values = compensated(
              blended, kept: values, along: strongest, ridge: removal.ridge)
          }
        }
        let factor = Float(weights[model])
        if factor != 1 { values = values.map { factor * $0 } }
        merged = merged.map { zip($0, values).map(+) } ?? values
      }
      return merged ?? []
    }
  }

  /// A_t of each model.
  package static func factors(
    _ cores: [[[Double]]], energies: [Double], columns: Int, share: Double
  ) -> [[[Double]]] {
    let grams = grams(cores, energies: energies, columns: columns, share: share)
    let whole = total(grams)
    return grams.map { gram in
      gram.indices.map { row in
        var found = solution(of: whole, gram[row])
        found[row] -= 1 / Double(cores.count)
        return found
      }
    }
  }

  static func grams(
    _ cores: [[[Double]]], energies: [Double], columns: Int, share: Double
  ) -> [[[Double]]] {
    zip(cores, energies).map { core, energy in
      core.indices.map { row in
        core.indices.map { column in
          let value = core[max(row, column)][min(row, column)] * (Double(columns) / energy)
          return row == column ? value + share : value
        }
      }
    }
  }

  static func total(_ grams: [[[Double]]]) -> [[Double]] {
    let width = grams[0].count
    var whole = [[Double]](repeating: [Double](repeating: 0, count: width), count: width)
    for gram in grams { whole = zip(whole, gram).map { zip($0, $1).map(+) } }
    return whole
  }

  /// The largest of a row, of equal ones the first; with the row's norm restored times a factor, if it is not
  /// compensated.
  private static func largest(of row: [Float], _ removal: Removal) -> [Float] {
    let quota = max(1, row.count - Int((removal.rate * Double(row.count)).rounded(.up)))
    let order = row.indices.sorted { (-row[$0].magnitude, $0) < (-row[$1].magnitude, $1) }
    var kept = [Float](repeating: 0, count: row.count)
    for index in order.prefix(quota) { kept[index] = row[index] }
    guard removal.directionCount == 0 else { return kept }
    let (whole, left) = (squares(row[...]), squares(kept[...]))
    let factor = left > 0 ? Float(removal.factor * (whole / left).squareRoot()) : 1
    return kept.map { $0 * factor }
  }
}
