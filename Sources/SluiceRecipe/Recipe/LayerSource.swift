internal import SluiceMethods

/// A run of layers of a model that takes a place in a stack.
package struct LayerSource: Sendable, Hashable {
  /// The model's directory or file.
  package var path: String
  /// Its layers.
  package var layers: Range<Int>
  /// Whether nothing stands there: the slice has fewer sources than others.
  package var isGap: Bool { path.isEmpty }

  /// As many layers of nothing.
  package static func gap(_ count: Int) -> LayerSource { LayerSource(path: "", layers: 0..<count) }

  /// Describes a run of layers.
  package init(path: String, layers: Range<Int>) {
    self.path = path
    self.layers = layers
  }
}

extension MergeRecipe {
  /// The layers of the base and of each model; none where they are those of the model at the path.
  package var stacks: [[LayerSource]] { [baseLayers] + models.map(\.layers) }

  /// Whether layers are taken from several places.
  package var isStacked: Bool { !baseLayers.isEmpty }

  /// Takes layers from another place, in all stacks.
  ///
  /// - Parameters:
  ///   - path: Where they are taken from.
  ///   - place: Where they are to be taken from.
  package mutating func moveLayers(from path: String, to place: String) {
    func move(_ layers: inout [LayerSource]) {
      for index in layers.indices where layers[index].path == path { layers[index].path = place }
    }
    move(&baseLayers)
    for index in models.indices { move(&models[index].layers) }
    let vocabulary = steps?.vocabulary
    steps?.vocabulary = vocabulary?.mapPaths { $0 == path ? place : $0 }
  }

  /// What makes stacks the stacks that they are: which runs of layers are of one model, and which these are.
  var layerFacts: [(name: String, value: String)] {
    guard isStacked else { return [] }
    var numbers: [String: Int] = [:]
    return zip(["base"] + models.map(\.name), stacks).map { name, layers in
      let runs = layers.map { source in
        let number = numbers[source.path, default: numbers.count + 1]
        numbers[source.path] = number
        return "\(number):\(source.layers.lowerBound)-\(source.layers.upperBound)"
      }
      return ("layers of \(name)", runs.joined(separator: " "))
    }
  }
}
