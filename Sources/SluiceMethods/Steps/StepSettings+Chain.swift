package import SluiceStages

/// The chain of stages that a method in mergekit's grammar is.
extension StepSettings {
  /// Whether a number occurs that a condition holds for.
  func mentions(_ parameter: String, _ condition: (Double) -> Bool) -> Bool {
    let scopes = [shared] + own + slices.flatMap { [$0.shared] + $0.own }
    return scopes.contains { scope in
      scope[parameter]?.contains { number in
        switch number.value {
        case .constant(let value): condition(value)
        case .gradient(let values), .levels(let values): values.contains(where: condition)
        }
      } ?? false
    }
  }

  /// Whether any delta is dropped.
  package var dropsDeltas: Bool { method.sparsity != .none && mentions("density") { $0 < 1 } }

  /// Whether sums before and after must be known, to make up for what is dropped.
  private var rescales: Bool {
    guard dropsDeltas else { return false }
    if mentions("rescale", { $0 != 0 }) { return true }
    let isUsual = method.parameters.first { $0.name == "rescale" }?.defaultValue == 1
    return isUsual && !(shared["rescale"]?.contains { $0.filter == nil } ?? false)
  }

  /// The passes before the merge that it asks for.
  package var passes: Set<PassKind> {
    var passes: Set<PassKind> = []
    if dropsDeltas, method.sparsity == .largest || method.sparsity == .middle {
      passes.insert(.bands)
    }
    if dropsDeltas, method.sparsity == .ranks { passes.insert(.ranks) }
    if rescales { passes.insert(.maskSums) }
    if !method.sums.isEmpty { passes.insert(.sums) }
    if method.rows != nil { passes.insert(.stepRows) }
    if method.selection != nil { passes.insert(.selection) }
    return passes
  }

  /// What is made of a tile before stages act on it.
  package var form: TileForm {
    method.takesDifferences ? .roundedDifferences(working) : .weights(working)
  }

  /// The stages that make deltas sparse.
  package func sparsity(_ inputs: ChainInputs) -> [any DeltaTransform] {
    guard dropsDeltas, let setup = inputs.steps else { return [] }
    return switch method.sparsity {
    case .none: []
    case .largest, .middle: inputs.bands.map { [BandStage(cuts: $0)] } ?? []
    case .draws: [BernoulliStage(setup, seed: inputs.seed)]
    case .ranks: inputs.keepBits.map { [KeepBitStage($0)] } ?? []
    }
  }

  /// The stages before the operator.
  package func transforms(
    _ inputs: ChainInputs, through place: TransformPlace
  ) -> [any DeltaTransform] {
    guard place != .delta else { return [] }
    let sparsity = sparsity(inputs)
    guard place != .mask, rescales, let setup = inputs.steps else { return sparsity }
    return sparsity + [
      StepRescaleStage(
        setup, sums: inputs.rescales as? MaskSums,
        isDrawn: method.sparsity == .draws || method.sparsity == .ranks)
    ]
  }

  /// The whole chain.
  package func chain(_ inputs: ChainInputs) -> MergeChain {
    guard let setup = inputs.steps else {
      preconditionFailure("a merge in mergekit's grammar has numbers of its own")
    }
    let step = MergeStep(method.rule(setup, inputs))
    return MergeChain(
      transforms: transforms(inputs, through: .amplify), linear: step, dense: step,
      partitionCount: 1, form: form)
  }

  /// What stages know of the merge.
  ///
  /// - Parameter place: Where a tensor of a name stands.
  /// - Returns: Inputs, types and numbers.
  package func setup(place: @escaping @Sendable (String) -> StepPlace) -> StepSetup {
    StepSetup(inputs: inputs, hasBase: hasBase, working: working) { [self] name, task, input in
      // The plan has looked for numbers that are missing.
      number(name, at: place(task.name), input: input) ?? .nan
    }
  }
}
