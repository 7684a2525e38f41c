/// What the directions of the models' deltas say of a family, layer by layer: how few hold how much, and how much
/// models have in common.
package struct FamilyDirections: Sendable, Hashable {
  /// The numbers of directions that are looked at.
  package static let ranks = [8, 16, 32, 64]

  /// What is known of a linear layer.
  package struct Layer: Sendable, Hashable {
    /// The tensor's name.
    package let name: String
    /// The number of inputs.
    package let inputCount: Int
    /// The number of outputs.
    package let outputCount: Int
    /// How many directions are taken for each of the ranks: no more than inputs or outputs.
    package let counts: [Int]
    /// The sum of squares of each model's deltas; 0 of one that does not change the layer.
    package let energies: [Double]
    /// The sum of the squares of the eigenvalues of each model's Gram matrix, along the most directions.
    package let squares: [Double]
    /// For each model, and the directions of each, what so many of these hold of the model's squares.
    package let held: [[[Double]]]
    /// For each model and each other the sum of the squared cosines between so many directions of both.
    package let cosines: [[[Double]]]

    /// The effective rank of a model's deltas; nil if there are none.
    ///
    /// Formula: e^2 / (sum of squared eigenvalues), of transpose(D) D, e being their sum. Along the r directions that are
    /// looked for the squares are known; what is left of e, t, is taken as spread evenly over the other dimensions, with
    /// squares of t^2 / (min(inputs, outputs) - r): they are at least that, and the rank at most what is said.
    package func effectiveRank(_ model: Int) -> Double? {
      guard energies[model] > 0 else { return nil }
      let most = counts.indices.last ?? 0
      let left = energies[model] - held[model][model][most]
      let others = min(inputCount, outputCount) - counts[most]
      let rest = others > 0 && left > 0 ? left * left / Double(others) : 0
      return energies[model] * energies[model] / (squares[model] + rest)
    }

    /// The share of a model's squares that the directions of a model hold, or nil.
    package func share(_ model: Int, in other: Int, _ rank: Int) -> Double? {
      energies[model] > 0 && energies[other] > 0
        ? held[model][other][rank] / energies[model] : nil
    }

    /// The mean squared cosine between the directions of two models, or nil.
    package func overlap(_ model: Int, _ other: Int, _ rank: Int) -> Double? {
      energies[model] > 0 && energies[other] > 0
        ? cosines[model][other][rank] / Double(counts[rank]) : nil
    }
  }

  /// The models' names.
  package let models: [String]
  /// The layers, in byte order of their names.
  package let layers: [Layer]

  /// The mean of the layers' effective ranks of a model, each by the layer's squares; nil if nothing is changed.
  package func effectiveRank(_ model: Int) -> Double? {
    var (sum, energy) = (0.0, 0.0)
    for layer in layers {
      guard let rank = layer.effectiveRank(model) else { continue }
      sum += rank * layer.energies[model]
      energy += layer.energies[model]
    }
    return energy > 0 ? sum / energy : nil
  }

  /// The share of all squares of a model, in layers that both change, that the directions of a model hold.
  package func share(_ model: Int, in other: Int, _ rank: Int) -> Double? {
    var (held, energy) = (0.0, 0.0)
    for layer in layers where layer.energies[other] > 0 && layer.energies[model] > 0 {
      held += layer.held[model][other][rank]
      energy += layer.energies[model]
    }
    return energy > 0 ? held / energy : nil
  }

  /// The mean squared cosine over the directions of all layers that both models change.
  package func overlap(_ model: Int, _ other: Int, _ rank: Int) -> Double? {
    mean(rank, of: [model, other]) { $0.cosines[model][other][rank] }
  }

  /// What the overlap of directions that are drawn at random would be: of each layer directions / inputs.
  package func chance(_ model: Int, _ other: Int, _ rank: Int) -> Double? {
    mean(rank, of: [model, other]) {
      Double($0.counts[rank] * $0.counts[rank]) / Double($0.inputCount)
    }
  }

  private func mean(_ rank: Int, of models: [Int], _ value: (Layer) -> Double) -> Double? {
    var (sum, count) = (0.0, 0)
    for layer in layers where models.allSatisfy({ layer.energies[$0] > 0 }) {
      sum += value(layer)
      count += layer.counts[rank]
    }
    return count > 0 ? sum / Double(count) : nil
  }
}
