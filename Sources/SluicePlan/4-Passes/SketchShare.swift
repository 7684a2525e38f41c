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

  /// Adds layers up; nil if nothing is to be held in any of them.
  ///
  /// - Parameters:
  ///   - layers: The layers of a model, in the order of the tensors.
  ///   - name: The name of a tensor.
  package init?(_ layers: [SketchedLayer], name: (Int) -> String) {
    for layer in layers where layer.energy > 0 {
      held += layer.held
      energy += layer.energy
      let share = layer.held / layer.energy
      if share < least { (least, leastTensor) = (share, name(layer.task)) }
    }
    guard energy > 0 else { return nil }
  }
}

/// How much of the deltas of a layer of a model lies along its directions.
package struct SketchedLayer: Sendable, Hashable {
  /// The ordinal of the tensor.
  package let task: Int
  /// The sum of squares of what the deltas put out along the basis of the directions.
  package let held: Double
  /// The sum of squares of the deltas.
  package let energy: Double

  package init(task: Int, held: Double, energy: Double) {
    (self.task, self.held, self.energy) = (task, held, energy)
  }
}

extension BlendStore {
  /// How much of each model's deltas the directions hold, layer by layer.
  func held(_ tasks: [TensorTask]) throws -> [Int: [SketchedLayer]] {
    var layers: [Int: [SketchedLayer]] = [:]
    for task in tasks {
      for (model, (held, energy)) in try energies(of: task).enumerated()
      where task.fineTuned[model] != nil {
        layers[model, default: []].append(
          SketchedLayer(task: task.ordinal, held: held, energy: energy))
      }
    }
    return layers
  }
}
