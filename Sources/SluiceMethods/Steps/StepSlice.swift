/// A run of layers of the merged model, with the numbers that a recipe says of it alone.
package struct StepSlice: Sendable, Hashable {
  /// How many layers it has.
  package var layerCount: Int
  /// The number that its first layer has in each input.
  package var firstLayers: [Int]
  /// The numbers for all inputs, by parameter.
  package var shared: [String: ScopedNumbers] = [:]
  /// The numbers of each input, by parameter.
  package var own: [[String: ScopedNumbers]]
  /// The inputs whose tensors behind all layers are left out, since the first slice has fewer inputs.
  package var leftOutBehind: Set<Int> = []

  /// Describes a slice without numbers.
  package init(layerCount: Int, firstLayers: [Int]) {
    self.layerCount = layerCount
    self.firstLayers = firstLayers
    own = Array(repeating: [:], count: firstLayers.count)
  }
}

/// Where a tensor stands in the merged model.
package struct StepPlace: Sendable {
  /// The layer that it is in, and what it is called in another one.
  package struct Layer: Sendable {
    let number: Int
    let name: @Sendable (Int) -> String

    /// Describes a layer.
    package init(number: Int, name: @escaping @Sendable (Int) -> String) {
      self.number = number
      self.name = name
    }
  }

  /// The tensor's name.
  let name: String
  /// Its layer; nil outside of layers.
  let layer: Layer?
  /// Whether it comes behind all layers.
  let isBehind: Bool
  /// How many layers the merged model has.
  let layerCount: Int

  /// Describes a place.
  package init(name: String, layer: Layer?, isBehind: Bool, layerCount: Int) {
    self.name = name
    self.layer = layer
    self.isBehind = isBehind
    self.layerCount = layerCount
  }
}

extension StepSettings {
  /// What counts for a tensor: its slice, its depth in it, and its name in an input.
  struct Scope {
    var slice: StepSlice?
    var depth: Double
    var name: String
  }

  /// Looks up what counts for a tensor.
  ///
  /// - Parameters:
  ///   - place: Where the tensor stands.
  ///   - input: The input whose numbers are asked for; nil for those of all.
  /// - Returns: With slices, the one that the tensor's layer is in; the first for what stands before all
  ///   layers, the last for what stands behind them. The depth is that inside of the slice.
  func scope(of place: StepPlace, input: Int?) -> Scope {
    guard let first = slices.first, let last = slices.last else {
      let depth = StepSettings.depth(of: place.layer?.number, of: place.layerCount)
      return Scope(slice: nil, depth: depth, name: place.name)
    }
    guard let layer = place.layer else {
      return Scope(slice: place.isBehind ? last : first, depth: 0, name: place.name)
    }
    var number = layer.number
    for slice in slices {
      guard number >= slice.layerCount else {
        return Scope(
          slice: slice, depth: StepSettings.depth(of: number, of: slice.layerCount),
          name: input.map { layer.name(slice.firstLayers[$0] + number) } ?? place.name)
      }
      number -= slice.layerCount
    }
    return Scope(slice: last, depth: 1, name: place.name)
  }
}
