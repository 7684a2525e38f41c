internal import SluiceCore
package import SluiceFormats

/// A checkpoint's tensors as a merge looks for them: unpacked, under the names that the base has, with
/// the layers of stacks of experts within reach.
///
/// So two models of one family go together whatever their layout: one may have its experts in stacks
/// and the other each by itself, one may be packed and the other not.
package struct ModelCatalog: Sendable {
  /// The checkpoint.
  package private(set) var checkpoint: Checkpoint
  /// What its config says; nil without one.
  package private(set) var config: ModelConfig?
  /// How it is packed; nil if it is not.
  package let quantisation: Quantisation?
  /// The tensors, in the order of the checkpoint.
  package let tensors: [CheckpointTensor]
  /// What the tensors are.
  package let architecture: Architecture
  private var positions: [String: Int] = [:]
  private var stacks: [String: ExpertStack] = [:]
  private var layers: [String: (stack: String, index: Int)] = [:]
  /// The matrices that lie as inputs x outputs.
  package private(set) var transposed: Set<String> = []
  /// Tensors that families call otherwise in another layout, by that name.
  private var aliases: [String: Int] = [:]
  private let renamesRouters: Bool

  /// Looks at a checkpoint.
  ///
  /// - Parameters:
  ///   - checkpoint: The checkpoint.
  ///   - renamings: What is done to names that are not the base's.
  ///   - baseNames: The base's names; nil for the base itself.
  ///   - turned: What lies as inputs x outputs for sure, where there is no config to tell.
  /// - Throws: If its config is none, its packing is not read, or two tensors get one name.
  package init(
    _ checkpoint: Checkpoint, renamings: [ModelNames.Renaming] = [],
    baseNames: Set<String>? = nil, turned: Set<String> = []
  ) throws(FormatError) {
    self.checkpoint = checkpoint
    let isStore = checkpoint.files.contains { $0.format == nil }
    let config = try ModelCatalog.config(of: checkpoint)
    self.config = config
    quantisation = isStore ? nil : config.flatMap(Quantisation.init)
    var tensors = checkpoint.tensors
    if let quantisation { tensors = try PackedWeights(checkpoint, quantisation).tensors() }
    var keepsNames = quantisation == nil
    if let baseNames, !renamings.isEmpty {
      for (position, tensor) in tensors.enumerated() where !baseNames.contains(tensor.name) {
        guard let name = renamings.lazy.compactMap({ $0.name(tensor.name) }).first else { continue }
        tensors[position] = tensor.renamed(name)
        keepsNames = false
      }
    }
    self.tensors = tensors
    if keepsNames { positions = checkpoint.positions }
    for (position, tensor) in tensors.enumerated() where !keepsNames {
      if let other = positions.updateValue(position, forKey: tensor.name) {
        throw FormatError.badInput(
          "two tensors have this name once they are renamed",
          file: checkpoint.files[tensor.fileOrdinal].path, tensor: tensor.name,
          remedy: "Rename fewer: the other is in "
            + "\(checkpoint.files[tensors[other].fileOrdinal].path.printable).")
      }
    }
    let descriptions = tensors.map(\.description)
    architecture = Architecture(descriptions, config: config)
    renamesRouters = ExpertStack.renames(config)
    for (position, tensor) in tensors.enumerated() where renamesRouters {
      let name = ExpertStack.canonicalName(tensor.name, config)
      if name != tensor.name, positions[name] == nil { aliases[name] = position }
    }
    guard !isStore else { return }
    let shapes = Dictionary(
      uniqueKeysWithValues: tensors.filter { $0.entry.shape.rank == 3 }
        .map { ($0.name, $0.entry.shape) })
    for (tensor, description) in zip(tensors, descriptions)
    where turned.contains(tensor.name) || architecture.mayLieOtherwise(description) {
      let part = architecture.part(of: description)
      if part.kind == .linear,
        part.orientation == .inputsFirst || turned.contains(tensor.name)
      {
        transposed.insert(tensor.name)
      }
      guard part.kind == .stack || part.kind == .bias,
        let stack = ExpertStack(description, siblings: shapes, config: config),
        stack.layerCount <= Checkpoint.maximumTensorCount
      else { continue }
      stacks[tensor.name] = stack
      for index in 0..<stack.layerCount {
        layers[stack.layerName(index)] = (tensor.name, index)
      }
    }
  }

  /// The catalog of a checkpoint that shares all its tensors with this one's, as those of fine-tunes do.
  ///
  /// - Parameter checkpoint: The checkpoint, opened as one like this catalog's.
  /// - Returns: The catalog; nil if the checkpoint must be looked at by itself.
  /// - Throws: If its config is none.
  package func shared(with checkpoint: Checkpoint) throws(FormatError) -> ModelCatalog? {
    guard quantisation == nil, tensors.hasStorage(of: checkpoint.tensors) else { return nil }
    var catalog = self
    catalog.checkpoint = checkpoint
    catalog.config = try ModelCatalog.config(of: checkpoint)
    // Nothing else of a config decides what tensors are.
    guard catalog.config?.modelType == config?.modelType,
      catalog.config.flatMap(Quantisation.init) == nil
    else { return nil }
    return catalog
  }

  private static func config(of checkpoint: Checkpoint) throws(FormatError) -> ModelConfig? {
    guard let bytes = checkpoint.config else { return nil }
    return try ModelConfig(bytes, file: "\(checkpoint.path)/config.json")
  }

  /// Whether each tensor is found under its own name, as it lies in its file.
  package var isPlain: Bool { stacks.isEmpty && transposed.isEmpty }

  /// The tensor of a name: one of the checkpoint's, or a layer of one of its stacks.
  ///
  /// Matrices are outputs x inputs, however they lie.
  package subscript(name: String) -> CheckpointTensor? {
    if let position = positions[name] ?? aliases[name] {
      let tensor = tensors[position]
      guard transposed.contains(tensor.name) else { return tensor }
      return tensor.layer(0, of: 1, .transposed, named: tensor.name)
    }
    guard let place = layers[name] else { return nil }
    return layer(place.index, of: place.stack)
  }

  /// The name that a tensor has where each expert has tensors of its own.
  package func canonicalName(_ name: String) -> String {
    renamesRouters ? ExpertStack.canonicalName(name, config) : name
  }

  /// How a tensor comes apart into layers; nil if it is no stack.
  package func stack(_ name: String) -> ExpertStack? { stacks[name] }

  /// A layer of a stack, as a tensor of its own.
  package func layer(_ index: Int, of name: String) -> CheckpointTensor? {
    guard let stack = stacks[name], let position = positions[name] else { return nil }
    let (tensor, own) = (tensors[position], stack.layerName(index))
    if let layout = stack.layout {
      return tensor.layer(index, of: stack.layerCount, layout, named: own, stack.layerShape)
    }
    return tensor.layer(index, of: stack)
  }

  /// How the layers of a tensor lie in it, where they are no pieces of it.
  package func layout(_ name: String) -> MatrixLayout? {
    transposed.contains(name) ? .transposed : stacks[name]?.layout
  }

  /// All names under which weights are found, with the layers of stacks in the place of stacks.
  package var layerNames: [String] {
    var names: [String] = []
    names.reserveCapacity(tensors.count)
    for tensor in tensors {
      if let stack = stacks[tensor.name] {
        names += (0..<stack.layerCount).map(stack.layerName)
      } else {
        names.append(canonicalName(tensor.name))
      }
    }
    return names
  }

  /// Whether there is a tensor of a name: one of the checkpoint's, or a layer of one of its stacks.
  package func has(_ name: String) -> Bool {
    positions[name] != nil || aliases[name] != nil || layers[name] != nil
  }

  /// Whether all tensors are named as another model's, in the same order, and none is a stack: most fine-tunes are.
  package func isNamed(like other: ModelCatalog) -> Bool {
    stacks.isEmpty && other.stacks.isEmpty && tensors.count == other.tensors.count
      && (tensors.hasStorage(of: other.tensors)
        || tensors.indices.allSatisfy { tensors[$0].name == other.tensors[$0].name })
  }

  /// The part that a tensor plays.
  package func part(of tensor: CheckpointTensor) -> TensorPart {
    architecture.part(of: tensor.description)
  }

  /// What the config says of tied heads, if it says anything.
  package var tiesHead: Bool? { config?.bool("tie_word_embeddings") }
}
