package import SluiceCore

/// A tensor that holds the matrices of several experts, and how it comes apart into the layers that
/// the same model has when each expert has tensors of its own.
///
/// `experts.gate_up_proj` as `[experts, 2 rows, columns]` holds for each expert the rows of
/// `gate_proj` and then those of `up_proj`; `experts.down_proj` holds one matrix for each. Where
/// matrices lie as inputs x outputs, gate and up share rows and stay together.
package struct ExpertStack: Sendable, Hashable {
  /// The name of the stack.
  package let name: String
  /// The number of experts.
  package let expertCount: Int
  /// How the matrices lie.
  package let orientation: TensorPart.Orientation
  /// The shape of one layer.
  package let layerShape: TensorShape
  /// What each expert's layers are called, in the order in which they lie.
  private let layerNames: [String]
  private let prefix: String
  private let suffix: String

  /// Takes a tensor apart.
  ///
  /// - Parameters:
  ///   - tensor: A tensor of rank 3 inside a block.
  ///   - siblings: The shapes of all tensors of experts, by name.
  ///   - config: Tells how families call the matrices of an expert.
  package init?(
    _ tensor: TensorDescription, siblings: [String: TensorShape], config: ModelConfig? = nil
  ) {
    guard tensor.shape.rank == 3, tensor.shape.dimensions[0] > 0 else { return nil }
    let extents = tensor.shape.dimensions
    name = tensor.name
    expertCount = extents[0]
    let path = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
    guard let experts = path.lastIndex(of: "experts"),
      experts == path.count - 2 || (experts == path.count - 3 && path.last == "weight")
    else {
      // A stack under a name of its own: its matrices are numbered.
      orientation = .outputsFirst
      guard let shape = TensorShape(Array(extents[1...])) else { return nil }
      layerShape = shape
      let stem = tensor.name.hasSuffix(".weight") ? tensor.name.dropLast(7) : tensor.name[...]
      (prefix, suffix, layerNames) = ("\(stem).", ".weight", [""])
      return
    }
    let parent = path[...experts].joined(separator: ".")
    let (orientation, isJoined) = ExpertStack.layout(
      String(path[experts + 1]), extents, parent: parent, siblings)
    self.orientation = orientation
    let own = ExpertStack.names(of: String(path[experts + 1]), isJoined: isJoined, config)
    let rows = isJoined ? extents[1] / 2 : extents[1]
    guard let shape = TensorShape([rows, extents[2]]) else { return nil }
    layerShape = shape
    layerNames = own
    prefix = ExpertStack.renamed(parent, config) + "."
    suffix = ".weight"
  }

  /// The number of layers in the stack.
  package var layerCount: Int { expertCount * layerNames.count }

  /// The name of a layer, as a model with a tensor for each expert has it.
  ///
  /// - Parameter index: The position in the stack.
  /// - Returns: The name.
  package func layerName(_ index: Int) -> String {
    let (expert, own) = index.quotientAndRemainder(dividingBy: layerNames.count)
    let layer = layerNames[own]
    return layer.isEmpty ? "\(prefix)\(expert)\(suffix)" : "\(prefix)\(expert).\(layer)\(suffix)"
  }

  /// Which axis is which, seen from the matrix that leads back: `down_proj` has as many columns, or
  /// rows, as `gate_up_proj` has half as many of the other.
  private static func layout(
    _ own: String, _ extents: [Int], parent: String, _ siblings: [String: TensorShape]
  ) -> (TensorPart.Orientation, isJoined: Bool) {
    let joined = own == "gate_up_proj" ? extents : siblings["\(parent).gate_up_proj"]?.dimensions
    let down = own == "down_proj" ? extents : siblings["\(parent).down_proj"]?.dimensions
    guard let joined, let down, joined.count == 3, down.count == 3 else {
      return (.outputsFirst, false)
    }
    if joined[1] == 2 * down[2], joined[2] == down[1] {
      return (.outputsFirst, own == "gate_up_proj")
    }
    if joined[1] == down[2], joined[2] == 2 * down[1] { return (.inputsFirst, false) }
    return (.outputsFirst, false)
  }

  private static func names(of own: String, isJoined: Bool, _ config: ModelConfig?) -> [String] {
    let isMixtral = config?.modelType == "mixtral"
    switch own {
    case "gate_up_proj" where isJoined: return isMixtral ? ["w1", "w3"] : ["gate_proj", "up_proj"]
    case "down_proj": return isMixtral ? ["w2"] : [own]
    default: return [own]
    }
  }

  /// The name of a tensor beside stacks where each expert has tensors of its own: Mixtral's router.
  static func canonicalName(_ name: String, _ config: ModelConfig?) -> String {
    guard config?.modelType == "mixtral", name.hasSuffix(".mlp.gate.weight") else { return name }
    return name.dropLast("mlp.gate.weight".count) + "block_sparse_moe.gate.weight"
  }

  /// Mixtral's experts lie in `block_sparse_moe` where each has tensors of its own.
  private static func renamed(_ parent: String, _ config: ModelConfig?) -> String {
    guard config?.modelType == "mixtral", parent.hasSuffix(".mlp.experts") else { return parent }
    return parent.dropLast("mlp.experts".count) + "block_sparse_moe.experts"
  }
}
