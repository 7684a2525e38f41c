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
  /// The fewest and the most directions of a layer.
  package private(set) var directionCounts = 0...0
  /// How many layers have less than the share that is asked for; nil if none is.
  package private(set) var shortCount: Int?

  /// The share of all layers together.
  package var share: Double { held / energy }

  /// Adds layers up; nil if nothing is to be held in any of them.
  ///
  /// - Parameters:
  ///   - layers: The layers of a model, in the order of the tensors.
  ///   - asked: The share that is asked for, if one is.
  ///   - name: The name of a tensor.
  package init?(_ layers: [SketchedLayer], asked: Double?, name: (Int) -> String) {
    shortCount = asked.map { share in layers.count { $0.held < share * $0.energy } }
    for layer in layers where layer.energy > 0 {
      let count = layer.directionCount
      directionCounts =
        energy == 0
        ? count...count
        : min(directionCounts.lowerBound, count)...max(directionCounts.upperBound, count)
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
  /// How many directions there are.
  package let directionCount: Int

  package init(task: Int, held: Double, energy: Double, directionCount: Int) {
    (self.task, self.held, self.energy) = (task, held, energy)
    self.directionCount = directionCount
  }
}

extension BlendStore {
  /// How much of each model's deltas the directions hold, layer by layer.
  func held(_ tasks: [TensorTask]) throws -> [Int: [SketchedLayer]] {
    var layers: [Int: [SketchedLayer]] = [:]
    for task in tasks {
      let (width, energies) = try energies(of: task)
      for (model, (held, energy)) in energies.enumerated() where task.fineTuned[model] != nil {
        layers[model, default: []].append(
          SketchedLayer(
            task: task.ordinal, held: held, energy: energy, directionCount: width))
      }
    }
    return layers
  }
}
