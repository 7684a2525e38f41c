package import SluiceCore

/// What is known of a tensor before it is read.
package struct TensorDescription: Sendable, Hashable {
  /// The name.
  package let name: String
  /// The dimensions.
  package let shape: TensorShape
  /// The type of the elements.
  package let dtype: DType

  /// Describes a tensor.
  package init(_ name: String, _ shape: TensorShape, _ dtype: DType) {
    self.name = name
    self.shape = shape
    self.dtype = dtype
  }
}

/// What a model's tensors are: the one place that knows how models name and shape their parts.
///
/// No table of models: a rule over names, shapes and neighbours, the same for all, with what few
/// models do otherwise (`Conv1D`) read from their config or seen in their shapes.
package struct Architecture: Sendable {
  /// Modules that hold experts, and so have a router.
  private var mixtures: Set<String> = []
  /// Stacks of experts whose matrices lie as inputs x outputs, by name.
  private var transposedStacks: Set<String> = []
  /// Matrices that lie as inputs x outputs.
  private let keepsInputsFirst: Bool
  private var shapes: [String: TensorShape] = [:]
  private var hasBiases = false

  /// Looks at all names and shapes of a model once.
  ///
  /// - Parameters:
  ///   - tensors: The tensors.
  ///   - config: The model's `config.json`.
  package init(_ tensors: [TensorDescription], config: ModelConfig? = nil) {
    // Most experts are beside the one before.
    var lastMixture: String?
    for tensor in tensors {
      let isBias = tensor.name.ends(inBytesOf: ".bias")
      if isBias { shapes[tensor.name] = tensor.shape }
      hasBiases = hasBiases || isBias
      if let lastMixture, tensor.shape.rank < 3, tensor.name.begins(withBytesOf: lastMixture) {
        continue
      }
      if tensor.name.contains(bytesOf: "expert") {
        let name = TensorName(tensor.name)
        if let mixture = name.mixture {
          mixtures.insert(mixture)
          lastMixture = mixture.isEmpty ? nil : "\(mixture).experts."
        }
        if tensor.shape.rank == 3, name.isInExperts { shapes[tensor.name] = tensor.shape }
      }
    }
    keepsInputsFirst = Architecture.isConv1D(config)
    for tensor in tensors where tensor.shape.rank == 3 {
      if let stack = ExpertStack(tensor, siblings: shapes), stack.orientation == .inputsFirst {
        transposedStacks.insert(tensor.name)
      }
    }
  }

  /// Models whose `Conv1D` keeps matrices as inputs x outputs.
  private static func isConv1D(_ config: ModelConfig?) -> Bool {
    let types: Set = ["gpt2", "openai-gpt", "imagegpt", "decision_transformer", "ctrl_conv1d"]
    return config?.modelType.map(types.contains) ?? false
  }

  /// Whether tensors of one type and shape play the same part wherever they stand at one place of a block, but for
  /// those that their neighbours decide about.
  var isAlikeInBlocks: Bool { !hasBiases }

  /// Whether what stands beside a tensor decides what it is, where that is alike in blocks: a gate may be a router.
  func asksNeighbours(_ tensor: TensorDescription) -> Bool {
    !mixtures.isEmpty && !(TensorName(tensor.name).router?.isCertain ?? true)
  }

  /// Whether a tensor may be one that does not lie as one matrix of outputs x inputs; its part tells.
  ///
  /// - Parameter tensor: The tensor.
  /// - Returns: False if it is neither a stack, nor the biases of one, nor a matrix of inputs x outputs.
  func mayLieOtherwise(_ tensor: TensorDescription) -> Bool {
    tensor.shape.rank == 3
      || tensor.shape.rank == 2
        && (tensor.name.ends(inBytesOf: "_bias") || isStoredTransposed(tensor.name, tensor.shape))
  }

  /// The part of a tensor, with its reason.
  package func part(of tensor: TensorDescription) -> TensorPart {
    let (name, shape) = (TensorName(tensor.name), tensor.shape)
    let block = BlockName.rest(of: tensor.name)
    let place = NameParts(block ?? tensor.name)
    if let part = Architecture.unweighted(tensor, name, place) { return part }
    if let router = router(name) { return router }
    if place.last == "bias" || place.last.hasSuffix("_bias") || place.last.hasSuffix(".b") {
      return TensorPart(.bias, "its name ends in \(place.last.printable)")
    }
    if let part = Architecture.named(place, isInBlock: block != nil, shape) { return part }
    guard place.isWeight || name.isInExperts else {
      return TensorPart(.other, "its name does not end in weight")
    }
    switch shape.rank {
    case 0, 1: return TensorPart(.other, "it has \(shape.rank) dimensions")
    case 4...: return TensorPart(.convolution, "it has \(shape.rank) dimensions")
    case 3
    where shape.dimensions[1] == 1 && shape.dimensions[0] > 1 && !name.isInExperts:
      return TensorPart(.depthwise, "its shape is channels x 1 x taps")
    case 3 where place.contains("conv"):
      return TensorPart(.convolution, "its name says conv, and it has 3 dimensions")
    default: break
    }
    guard block != nil else {
      return TensorPart(.outside, "its name has no numbered block")
    }
    return matrix(tensor)
  }

  /// Tensors that are no trained weights.
  private static func unweighted(
    _ tensor: TensorDescription, _ name: TensorName, _ place: NameParts
  ) -> TensorPart? {
    if place.contains("rotary") || place.last == "inv_freq" {
      return TensorPart(.rotary, "its name says rotary or inv_freq")
    }
    if let packing = name.packing {
      return TensorPart(.packed, packing)
    }
    if !tensor.dtype.isFloatingPoint {
      return TensorPart(.buffer, "\(tensor.dtype) holds no weights")
    }
    return nil
  }

  /// Parts that their names tell, after the number of the block or outside of all.
  private static func named(
    _ place: NameParts, isInBlock: Bool, _ shape: TensorShape
  ) -> TensorPart? {
    for word in NameParts.positionWords where place.contains(word) {
      return TensorPart(.position, "its name says \(word)")
    }
    if place.contains("norm") || place.contains("ln_") || place.components.contains("ln") {
      return TensorPart(.norm, "its name says norm")
    }
    if place.contains("lm_head") || place.components.contains("shared_head")
      || (!isInBlock && NameParts.headModules.contains(place.module))
    {
      return TensorPart(.head, "its name says head")
    }
    if place.contains("embed")
      || (!isInBlock && NameParts.embeddingModules.contains(place.module))
    {
      return shape.rank >= 4
        ? TensorPart(.convolution, "it has \(shape.rank) dimensions")
        : TensorPart(.embedding, "its name says embedding")
    }
    return nil
  }

  /// A router, by its name and its neighbours.
  private func router(_ name: TensorName) -> TensorPart? {
    guard let mixture = name.router else { return nil }
    if mixture.isCertain { return TensorPart(.router, "its name says router") }
    guard mixtures.contains(mixture.module) else { return nil }
    return TensorPart(.router, "a gate beside experts")
  }

  /// A matrix of a block, or a stack of them.
  private func matrix(_ tensor: TensorDescription) -> TensorPart {
    let (name, shape) = (tensor.name, tensor.shape)
    let block = BlockName.block(of: name)
    if shape.rank == 3 {
      var part = TensorPart(
        .stack, "\(shape.dimensions[0]) matrices inside block \(block.printable)")
      part.matrixCount = shape.dimensions[0]
      if transposedStacks.contains(name) { part.orientation = .inputsFirst }
      return part
    }
    return Architecture.linear(
      inBlock: block, isStoredTransposed(name, shape) ? .inputsFirst : .outputsFirst)
  }

  /// A matrix of a block.
  static func linear(inBlock block: String, _ orientation: TensorPart.Orientation) -> TensorPart {
    var part = TensorPart(.linear, "a matrix inside block \(block.printable)")
    part.orientation = orientation
    if orientation == .inputsFirst { part.reason += ", kept as inputs x outputs" }
    return part
  }

  /// Whether a matrix lies as inputs x outputs: its bias tells, and where that could be either, the
  /// kind of model.
  private func isStoredTransposed(_ name: String, _ shape: TensorShape) -> Bool {
    guard hasBiases || keepsInputsFirst, shape.rank == 2, name.ends(inBytesOf: ".weight") else {
      return false
    }
    let (rows, columns) = (shape.dimensions[0], shape.dimensions[1])
    if hasBiases, rows != columns, let bias = shapes["\(name.dropLast(6))bias"], bias.rank == 1 {
      if bias.elementCount == rows { return false }
      if bias.elementCount == columns { return true }
    }
    return keepsInputsFirst
  }
}
