package import SluiceCore

/// A tensor that holds the matrices of several experts, and how it comes apart into the layers that
/// the same model has when each expert has tensors of its own.
///
/// `experts.gate_up_proj` as `[experts, 2 rows, columns]` holds for each expert the rows of
/// `gate_proj` and then those of `up_proj`; `experts.down_proj` holds one matrix for each. Where
/// matrices lie as inputs x outputs, the columns of gate and up are halves of the rows (Llama 4) or
/// take turns (gpt-oss); of other families it is not known, and they stay together.
/// `experts.gate_up_proj_bias` comes apart as its matrices do.
package struct ExpertStack: Sendable, Hashable {
  /// The name of the stack.
  package let name: String
  /// The number of experts.
  package let expertCount: Int
  /// How the matrices lie.
  package let orientation: TensorPart.Orientation
  /// How layers lie in their matrices, where none is a piece of the tensor.
  package let layout: MatrixLayout?
  /// The shape of one layer, as outputs x inputs.
  package let layerShape: TensorShape
  /// What each expert's layers are called, in the order in which they lie.
  private let layerNames: [String]
  private let prefix: String
  private let suffix: String

  /// Takes a tensor apart.
  ///
  /// - Parameters:
  ///   - tensor: A tensor of rank 3 inside a block, or the biases of one.
  ///   - siblings: The shapes of all tensors of experts, by name.
  ///   - config: Tells how families call the matrices of an expert.
  package init?(
    _ tensor: TensorDescription, siblings: [String: TensorShape], config: ModelConfig? = nil
  ) {
    let extents = tensor.shape.dimensions
    guard let count = extents.first, count > 0 else { return nil }
    name = tensor.name
    expertCount = count
    let path = tensor.name.split(separator: ".", omittingEmptySubsequences: false)
    let isOfExperts =
      path.lastIndex(of: "experts").map {
        $0 == path.count - 2 || ($0 == path.count - 3 && path.last == "weight")
      } ?? false
    guard isOfExperts, let experts = path.lastIndex(of: "experts") else {
      // A stack under a name of its own: its matrices are numbered.
      guard extents.count == 3, let shape = TensorShape(Array(extents[1...])) else { return nil }
      (orientation, layout, layerShape) = (.outputsFirst, nil, shape)
      let stem = tensor.name.hasSuffix(".weight") ? tensor.name.dropLast(7) : tensor.name[...]
      (prefix, suffix, layerNames) = ("\(stem).", ".weight", [""])
      return
    }
    let parent = path[...experts].joined(separator: ".")
    let isBias = path[experts + 1].hasSuffix("_bias")
    guard extents.count == (isBias ? 2 : 3) else { return nil }
    let own = String(isBias ? path[experts + 1].dropLast("_bias".count) : path[experts + 1])
    let known = isBias ? siblings["\(parent).\(own)"]?.dimensions : extents
    guard let known, known.count == 3, !isBias || known[0] == count else { return nil }
    let found = ExpertStack.layout(own, known, parent: parent, siblings, config)
    orientation = found.orientation
    layerNames = ExpertStack.names(of: own, isJoined: found.isJoined, config)
    // Biases are outputs: they lie together unless they take turns.
    layout = isBias && found.layout != .interleaved ? nil : found.layout
    let outputs = orientation == .outputsFirst ? known[1] : known[2]
    let inputs = orientation == .outputsFirst ? known[2] : known[1]
    let rows = outputs / layerNames.count
    guard outputs % layerNames.count == 0, !isBias || extents[1] == outputs,
      let shape = TensorShape(isBias ? [rows] : [rows, inputs])
    else { return nil }
    layerShape = shape
    prefix = ExpertStack.renamed(parent, config) + "."
    suffix = isBias ? ".bias" : ".weight"
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
    _ own: String, _ extents: [Int], parent: String, _ siblings: [String: TensorShape],
    _ config: ModelConfig?
  ) -> (orientation: TensorPart.Orientation, layout: MatrixLayout?, isJoined: Bool) {
    let joined = own == "gate_up_proj" ? extents : siblings["\(parent).gate_up_proj"]?.dimensions
    let down = own == "down_proj" ? extents : siblings["\(parent).down_proj"]?.dimensions
    guard let joined, let down, joined.count == 3, down.count == 3 else {
      return (.outputsFirst, nil, false)
    }
    if joined[1] == 2 * down[2], joined[2] == down[1] {
      return (.outputsFirst, nil, own == "gate_up_proj")
    }
    guard joined[1] == down[2], joined[2] == 2 * down[1] else { return (.outputsFirst, nil, false) }
    guard own == "gate_up_proj" else { return (.inputsFirst, .transposed, false) }
    switch config?.modelType {
    case "gpt_oss": return (.inputsFirst, .interleaved, true)
    case "llama4", "llama4_text": return (.inputsFirst, .halves, true)
    default: return (.inputsFirst, .transposed, false)
    }
  }

  private static func names(of own: String, isJoined: Bool, _ config: ModelConfig?) -> [String] {
    let isMixtral = renames(config)
    switch own {
    case "gate_up_proj" where isJoined: return isMixtral ? ["w1", "w3"] : ["gate_proj", "up_proj"]
    case "down_proj": return isMixtral ? ["w2"] : [own]
    default: return [own]
    }
  }

  /// Whether names beside stacks are others where each expert has tensors of its own: those of Mixtral.
  static func renames(_ config: ModelConfig?) -> Bool { config?.modelType == "mixtral" }

  /// The name of a tensor beside stacks where each expert has tensors of its own: Mixtral's router.
  static func canonicalName(_ name: String, _ config: ModelConfig?) -> String {
    guard renames(config), name.hasSuffix(".mlp.gate.weight") else { return name }
    return name.dropLast("mlp.gate.weight".count) + "block_sparse_moe.gate.weight"
  }

  /// Mixtral's experts lie in `block_sparse_moe` where each has tensors of its own.
  private static func renamed(_ parent: String, _ config: ModelConfig?) -> String {
    guard renames(config), parent.hasSuffix(".mlp.experts") else { return parent }
    return parent.dropLast("mlp.experts".count) + "block_sparse_moe.experts"
  }
}
