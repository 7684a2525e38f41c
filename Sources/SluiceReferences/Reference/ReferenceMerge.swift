/// Merges fine-tuned models into a base by DPPA and TIES, one whole tensor after another.
///
/// Formula: out = base + mergeScale * TIES(weight_i * amplified_i(delta_i)), delta_i = tuned_i -
/// base.
/// Source: DPPA (arXiv 2403.02799), eq. 2 to 6 and 9, with the deviations that the functions of
/// `Reference` state. Everything on elements is Float32 with each operation rounded on its own.
///
/// A tensor that a model lacks counts as a delta of zero. Models without a head whose config ties
/// it to the embedding: the head is the embedding, unless no model has one of its own.
///
/// - Parameters:
///   - base: The base model.
///   - fineTuned: The fine-tuned models with their names, in order.
///   - options: What to do.
/// - Returns: The merged tensors and every decision on the way.
/// - Throws: `ReferenceError` if the models do not fit each other or the options.
package func referenceMerge(
  base: TinyModel, fineTuned: [(name: String, model: TinyModel)],
  options: ReferenceOptions = ReferenceOptions()
) throws(ReferenceError) -> ReferenceResult {
  // Each matrix of a stack is a layer of its own.
  let merge = try ReferenceMerge(
    base: base.unstacked, fineTuned: fineTuned.map { ($0.name, $0.model.unstacked) },
    options: options)
  var result = try merge.result()
  let whole = TinyModel(tensors: result.tensors, config: base.config).restacked(like: base)
  result.tensors = whole.tensors
  return result
}

/// The steps of `referenceMerge`, in the order of the formula.
struct ReferenceMerge {
  let options: ReferenceOptions
  let partitionRates: [Double]
  /// The base's tensors in byte order of names, with a head where the output has one.
  let base: [TinyTensor]
  /// Name, tensors by name, and factors of each fine-tuned model.
  let models: [(name: String, tensors: [String: TinyTensor], factors: [Double])]

  init(
    base: TinyModel, fineTuned: [(name: String, model: TinyModel)], options: ReferenceOptions
  ) throws(ReferenceError) {
    self.options = options
    partitionRates =
      switch options.prune {
      case .none: [0]
      case .wanda: [options.pruningRate]
      default:
        Reference.partitionRates(from: options.pruningRate, width: options.partitionWidth)
      }
    let names = fineTuned.map(\.name)
    for name in Set(options.amplify.keys).union(options.weight.keys) where !names.contains(name) {
      throw .badOption("no model \(name)")
    }
    let hasHead = ([base] + fineTuned.map(\.model)).contains { $0[TinyModel.headName] != nil }
    let base = hasHead ? base.withMaterialisedHead : base
    self.base = base.sorted.tensors
    var models: [(name: String, tensors: [String: TinyTensor], factors: [Double])] = []
    for (name, model) in fineTuned {
      let model = hasHead ? model.withMaterialisedHead : model
      for tensor in model.tensors {
        guard let original = base[tensor.name] else {
          throw .extraTensor(model: name, tensor: tensor.name)
        }
        guard original.shape == tensor.shape else {
          throw .shapeMismatch(model: name, tensor: tensor.name)
        }
      }
      var factors = options.amplify[name] ?? []
      guard factors.count <= partitionRates.count else {
        throw .badOption("\(factors.count) factors for \(name)")
      }
      while factors.count < partitionRates.count { factors.append(1) }
      let tensors = Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.name, $0) })
      models.append((name, tensors, factors))
    }
    self.models = models
  }

  func result() throws(ReferenceError) -> ReferenceResult {
    var linear: [TinyTensor] = []
    for tensor in base where try role(of: tensor) == .linear { linear.append(tensor) }

    // deltas[m][name]: what pruning, trim and weights leave of every tensor that is merged.
    var deltas: [[String: [Float]]] = []
    var reports: [ReferenceResult.Model] = []
    for index in models.indices {
      var (values, rows) = try prune(linear, model: index)
      if options.nonlinear == .merge {
        for tensor in base where try role(of: tensor) == .nonlinear {
          values[tensor.name] = try dense(tensor, model: index)
        }
      }
      if options.trims { values = trimmed(values) }
      deltas.append(values.mapValues { weighted($0, model: index) })
      reports.append(ReferenceResult.Model(name: models[index].name, rows: rows))
    }
    let majority = majority(of: deltas)

    var merged: [TinyTensor] = []
    for tensor in base {
      switch try role(of: tensor) {
      case .copied: merged.append(tensor)
      case .linear, .nonlinear:
        guard deltas.allSatisfy({ $0[tensor.name] != nil }) else {
          merged.append(try mergeNonlinear(tensor))
          continue
        }
        let own = deltas.map { $0[tensor.name] ?? [] }
        if options.merge == .ownRegMean {
          let isLinear = try role(of: tensor) == .linear
          let blended = blended(own, tensor, isLinear: isLinear)
          merged.append(try output(tensor, adding: scaled(blended)))
          continue
        }
        let values = (0..<tensor.count).map { index in
          merge(own.map { $0[index] }, tensor: tensor.name, majority: majority)
        }
        merged.append(try output(tensor, adding: scaled(values)))
      }
    }
    return ReferenceResult(tensors: merged, models: reports, partitionRates: partitionRates)
  }

  func role(of tensor: TinyTensor) throws(ReferenceError) -> Reference.Role {
    try options.role(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape)
  }
}
