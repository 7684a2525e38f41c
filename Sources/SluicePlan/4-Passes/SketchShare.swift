internal import SluiceStages

/// How much of a model's deltas lies along the directions that were found: the more, the better they stand for
/// the deltas.
package struct SketchShare: Sendable, Hashable {
  /// The sum of squares of what the deltas put out along the basis of the directions.
  package private(set) var held = 0.0
  /// The sum of squares of the deltas.
  package private(set) var energy = 0.0
  /// The smallest share of a layer.
  package private(set) var least = Double.infinity
  /// That layer.
  package private(set) var leastTensor = ""

  /// The share of all layers together.
  package var share: Double { held / energy }

  /// Adds a layer.
  mutating func add(held: Double, energy: Double, tensor: String) {
    guard energy > 0 else { return }
    self.held += held
    self.energy += energy
    let share = held / energy
    if share < least { (least, leastTensor) = (share, tensor) }
  }
}

extension SketchStore {
  /// How much of each model's deltas its directions hold; only of models that have some.
  func shares(_ tasks: [TensorTask], modelCount: Int) throws -> [Int: SketchShare] {
    var shares: [Int: SketchShare] = [:]
    for model in 0..<modelCount {
      var share = SketchShare()
      for task in tasks where task.fineTuned[model] != nil {
        let (held, energy) = try energies(of: task, model: model)
        share.add(held: held, energy: energy, tensor: task.name)
      }
      if share.energy > 0 { shares[model] = share }
    }
    return shares
  }
}
