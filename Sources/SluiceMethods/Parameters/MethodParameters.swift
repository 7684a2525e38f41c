package import SluiceCore

/// What a user can set of a merge: for each row of ``ParameterTable`` a value, its default if nobody
/// says anything.
///
/// `parameters.tieBreak` is the value of the row `tieBreak`, with its type.
@dynamicMemberLookup
package struct MethodParameters: Sendable, Hashable {
  /// Values that are not the default, by the names of their rows; so equal parameters are equal.
  private var values: [String: AnyParameterValue] = [:]

  /// Makes the default parameters for a rate.
  package init(pruningRate: PruningRate = .standard) {
    self.pruningRate = pruningRate
  }

  /// The value of a parameter.
  package subscript<Value>(dynamicMember path: KeyPath<ParameterTable, Parameter<Value>>) -> Value {
    get {
      let parameter = ParameterTable.shared[keyPath: path]
      return values[parameter.row.name].flatMap { Value($0) } ?? parameter.defaultValue
    }
    set { self[ParameterTable.shared[keyPath: path].row] = newValue.untyped }
  }

  /// The value of a row, without its type; a value that is set fits the row's kind.
  package subscript(row: ParameterRow) -> AnyParameterValue {
    get { values[row.name] ?? row.defaultValue }
    set { values[row.name] = newValue == row.defaultValue ? nil : newValue }
  }

  /// The value that counts: where nothing is given, what follows from others.
  package func effective(_ row: ParameterRow) -> AnyParameterValue {
    row.derived?(self) ?? self[row]
  }
}

extension MethodParameters {
  /// How deltas are pruned.
  package typealias Pruning = MethodChoice<PruneMethod>
  /// How the models' deltas become one.
  package typealias Merging = MethodChoice<MergeMethod>
  /// How the rates of linear layers follow from their significance.
  package typealias Rates = MethodChoice<RateMethod>

  /// What becomes of tensors that are not linear layers.
  package enum NonLinear: String, Sendable, Hashable, CaseIterable {
    /// Merged by the same operator, not pruned.
    case merge
    /// The base plus the mean of the deltas.
    case average
    /// The base's own.
    case base
  }

  /// What the weighted sum of significances is divided by.
  package enum Denominator: String, Sendable, Hashable, CaseIterable {
    /// The elements of linear layers, which keeps the overall rate.
    case linear
    /// All deltas of the model, as the paper writes it.
    case all
  }

  /// What a solver removes.
  package enum SolveTarget: String, Sendable, Hashable, CaseIterable {
    /// Weights of the fine-tuned model.
    case weights
    /// Deltas.
    case delta
  }

  /// What to do where vocabularies differ.
  package enum Vocabulary: String, Sendable, Hashable, CaseIterable {
    /// Refuse.
    case error
    /// Keep the base's rows: further rows are cut, missing ones count as unchanged.
    case base
    /// Add rows: the mean of the models that have them.
    case extend
    /// Keep the base's rows, and take of each model the rows of the same tokens.
    case match
  }

  /// What to do with a tensor that the base does not have.
  package enum ExtraTensors: String, Sendable, Hashable, CaseIterable {
    /// Refuse.
    case error
    /// Leave it out.
    case ignore
    /// Copy it from the first model that has it.
    case copy
  }

  /// What to do with a tensor that a model does not have.
  package enum Absent: String, Sendable, Hashable, CaseIterable {
    /// Refuse.
    case error
    /// Take it as unchanged, however many there are.
    case base
  }

  /// What becomes of routers, which are not pruned.
  package enum Routers: String, Sendable, Hashable, CaseIterable {
    /// They are merged as the method merges what is not pruned.
    case merge
    /// The plain mean of the models' changes is added.
    case average
    /// The base's stay.
    case base
    /// The first model's are taken.
    case first
  }
}

extension MethodChoice where Row == PruneMethod {
  /// Dynamic pruning with partition amplification.
  package static var dppa: Self { Self(known: "dppa") }
  /// All deltas are kept.
  package static var none: Self { Self(known: "none") }
}

extension MethodChoice where Row == MergeMethod {
  /// Elect a sign for each element, then average the deltas that have it.
  package static var ties: Self { Self(known: "ties") }
  /// Add the deltas up.
  package static var sum: Self { Self(known: "sum") }
}

extension MethodChoice where Row == RateMethod {
  /// The rule of the paper's later version.
  package static var acl: Self { Self(known: "acl") }
  /// One rate for each block.
  package static var owl: Self { Self(known: "owl") }
  /// The same rate for all layers.
  package static var uniform: Self { Self(known: "uniform") }
}
