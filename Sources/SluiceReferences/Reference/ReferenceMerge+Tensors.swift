internal import SluiceCore

extension ReferenceMerge {
  /// tuned - base in Float32, or zeros where the model lacks the tensor.
  func delta(_ tensor: TinyTensor, model index: Int) throws(ReferenceError) -> [Float] {
    let model = models[index]
    let original = try finite(tensor, model: nil)
    guard let tuned = model.tensors[tensor.name] else { return original.map { _ in 0 } }
    guard tuned.dtype.isMergeable else { throw .unmergeable(tensor: tensor.name) }
    let delta = zip(try finite(tuned, model: model.name), original).map { $0 - $1 }
    guard delta.allSatisfy(\.isFinite) else {
      throw .notFinite(model: model.name, tensor: tensor.name)
    }
    return delta
  }

  /// Masks and amplification of all linear tensors of one model.
  func prune(
    _ linear: [TinyTensor], model index: Int
  ) throws(ReferenceError) -> (values: [String: [Float]], rows: [ReferenceResult.Row]) {
    var deltas: [[Float]] = []
    for tensor in linear { deltas.append(try delta(tensor, model: index)) }
    let names = linear.map(\.name)
    switch options.prune {
    case .none: return (Dictionary(uniqueKeysWithValues: zip(names, deltas)), [])
    case .dare:
      let dropped = zip(linear, deltas).map {
        ($0.name, drop($1, of: $0, model: index, isLinear: true))
      }
      return (Dictionary(uniqueKeysWithValues: dropped), [])
    case .wanda:
      let masked = zip(linear, deltas).map { ($0.name, byRow($1, of: $0, model: index)) }
      return (Dictionary(uniqueKeysWithValues: masked), [])
    case .dppa, .dp, .magnitude, .owl: break
    }
    let (statistics, rates) = assignedRates(names, deltas)
    var values: [String: [Float]] = [:]
    var rows: [ReferenceResult.Row] = []
    for (position, tensor) in linear.enumerated() {
      let own = rates.map { $0[position] }
      let columns = tensor.shape.dimensions.last ?? 0
      let masks =
        options.keepsByRow
        ? rowMasks(deltas[position], columns: columns, rates: own)
        : Reference.masks(of: deltas[position], rates: own, tieBreak: options.tieBreak)
      let left = masks.last.map {
        madeUp(masked(deltas[position], by: $0), of: deltas[position], tensor)
      }
      let (amplified, kept) = Reference.amplified(
        left ?? deltas[position], masks: masks, factors: models[index].factors,
        combine: options.combine)
      values[tensor.name] = amplified
      rows.append(
        ReferenceResult.Row(
          name: tensor.name, statistics: statistics[position], rates: own, kept: kept,
          thresholds: masks.map(\.threshold), tied: masks.map(\.tied)))
    }
    // Rows that are cut one by one have no figures of their layer.
    return (values, options.keepsByRow ? [] : rows)
  }

  /// What pruning leaves of a dense tensor.
  func dense(_ tensor: TinyTensor, model index: Int) throws(ReferenceError) -> [Float] {
    let delta = try delta(tensor, model: index)
    guard options.prune == .dare, !options.dropsLinearOnly else { return delta }
    return drop(delta, of: tensor, model: index, isLinear: false)
  }

  /// A dense tensor that is not merged like linear ones: averaged, or the base's.
  func mergeNonlinear(_ tensor: TinyTensor) throws(ReferenceError) -> TinyTensor {
    guard options.nonlinear == .average else { return try converted(tensor) }
    var deltas: [[Float]] = []
    for index in models.indices { deltas.append(try delta(tensor, model: index)) }
    guard let first = deltas.first else { return try converted(tensor) }
    let sum = deltas.dropFirst().reduce(first) { sums, next in zip(sums, next).map { $0 + $1 } }
    return try output(tensor, adding: sum.map { $0 / Float(deltas.count) })
  }

  /// weight * value in Float32; untouched for a weight of 1.
  func weighted(_ values: [Float], model index: Int) -> [Float] {
    let weight = options.weight[models[index].name] ?? 1
    // A blend takes deltas as they are.
    return weight == 1 || options.merge == .ownRegMean ? values : values.map { Float(weight) * $0 }
  }

  /// The merge scale times the merged delta, rounded to Float32 before it is added.
  func scaled(_ values: [Float]) -> [Float] { values.map { Float(options.mergeScale) * $0 } }

  /// base + addend in Float32, rounded into the output type.
  func output(_ tensor: TinyTensor, adding addend: [Float]) throws(ReferenceError) -> TinyTensor {
    let sums = zip(try finite(tensor, model: nil), addend).map { $0 + $1 }
    return try encoded(sums, like: tensor)
  }

  /// The base's values in the output type; its very bytes if that is the base's.
  func converted(_ tensor: TinyTensor) throws(ReferenceError) -> TinyTensor {
    guard let dtype = options.outputDType, dtype != tensor.dtype else { return tensor }
    return try encoded(try finite(tensor, model: nil), like: tensor)
  }

  private func encoded(
    _ values: [Float], like tensor: TinyTensor
  ) throws(ReferenceError) -> TinyTensor {
    let dtype = options.outputDType ?? tensor.dtype
    let result = TinyTensor(
      name: tensor.name, dtype: dtype, shape: tensor.shape,
      bytes: TinyTensor.encode(values.map { Double($0) }, as: dtype))
    guard let rounded = result.floats, rounded.allSatisfy(\.isFinite) else {
      throw .overflow(tensor: tensor.name)
    }
    return result
  }

  private func finite(_ tensor: TinyTensor, model: String?) throws(ReferenceError) -> [Float] {
    guard let values = tensor.floats else { throw .unmergeable(tensor: tensor.name) }
    guard values.allSatisfy(\.isFinite) else {
      throw .notFinite(model: model, tensor: tensor.name)
    }
    return values
  }
}

extension TinyTensor {
  /// The number of elements.
  var count: Int { shape.elementCount }
}
