/// How many directions hold a share of deltas, number by number.
extension Reference.Own {
  /// The fewest of the directions, from the first on, that hold a share of the squares of each model; all if these hold less.
  ///
  /// Formula: with q an orthonormal basis of the directions in their order, direction j holds of a model's squares the sum
  /// of (d q_j)^2 over its rows d.
  ///
  /// - Parameters:
  ///   - share: The share.
  ///   - models: The deltas of the models that the directions are of.
  ///   - blockElements: About how many elements a block of rows has.
  /// - Returns: The directions that are left.
  package func first(
    holding share: Double, of models: [Reference.Rows], blockElements: Int = 1 << 24
  ) -> Self {
    guard !directions.isEmpty else { return self }
    var count = 1
    for (deltas, energy) in zip(models, energies) where energy > 0 {
      let held = held(of: deltas, blockElements: blockElements)
      count = max(count, (held.firstIndex { $0 >= share * energy } ?? held.count - 1) + 1)
    }
    return Self(
      directions: Array(directions.prefix(count)), energies: energies, isOrthonormal: isOrthonormal)
  }

  /// What the first directions hold of the squares of deltas: one of them, two, and so on.
  package func held(of deltas: Reference.Rows, blockElements: Int = 1 << 24) -> [Double] {
    let basis = isOrthonormal ? directions : Reference.basis(directions)
    var total: [Double] = []
    let step = max(1, blockElements / max(deltas.first?.count ?? 0, 1))
    for first in stride(from: 0, to: deltas.count, by: step) {
      var sums = basis.map { _ in 0.0 }
      for row in deltas[first..<min(first + step, deltas.count)] {
        let products = ScalarKernels.projected(row, basis)
        for index in sums.indices { sums[index] += products[index] * products[index] }
      }
      total = total.isEmpty ? sums : zip(total, sums).map(+)
    }
    var sum = 0.0
    return total.map { number in
      sum += number
      return sum
    }
  }
}
