package import SluiceKernels
package import SluiceStages

/// A parameter of a method in mergekit's grammar.
package struct StepParameter: Sendable, Hashable {
  /// Of what it may be said apart.
  package enum Owner: Sendable, Hashable {
    /// Of nothing: one value for all.
    case all
    /// Of each model beside the base.
    case model
    /// Of each input, the base included.
    case input
  }

  /// The name, as recipes write it.
  package let name: String
  /// Of what it may be said apart.
  package let owner: Owner
  /// Whether it is true or false.
  package let isTruth: Bool
  /// What it is where nobody says anything, NaN being nothing; nil if somebody must say it.
  package let defaultValue: Double?

  /// A number.
  static func number(
    _ name: String, _ owner: Owner = .all, _ defaultValue: Double?
  ) -> StepParameter {
    StepParameter(name: name, owner: owner, isTruth: false, defaultValue: defaultValue)
  }

  /// True or false.
  static func truth(_ name: String, _ defaultValue: Bool) -> StepParameter {
    StepParameter(name: name, owner: .all, isTruth: true, defaultValue: defaultValue ? 1 : 0)
  }
}

/// A pass that adds up over each tensor.
package struct StepSumPass: Sendable {
  /// What is added up, for plans.
  package let what: String
  /// How many sums of a number of inputs there are.
  package let sumCount: @Sendable (Int) -> Int
  /// Rows of a tile that it needs.
  package let rows: Int
  /// Makes what works in one lane.
  package let makeRule: @Sendable (StepSetup, SumInputs, Kernels) -> any StepSumRule

  /// What is known before it: the sums of earlier passes, and where tensors are cut.
  package struct SumInputs: Sendable {
    package var sums: [StepSums]
    package var selections: StepSelections?

    package init(sums: [StepSums], selections: StepSelections?) {
      self.sums = sums
      self.selections = selections
    }
  }
}

/// A pass that looks at rows of tensors by themselves.
package struct StepRowPass: Sendable {
  /// Rows of a tile that rules have as room.
  package static let roomRows = 3

  /// What is found, for plans.
  package let what: String
  /// Whether it is about differences from the base, if there is one.
  package var subtracts = true
  /// Whether a tensor is merged row by row, or column by column.
  package let isByRows: @Sendable (StepSetup, TensorTask) -> Bool
  /// Whether it is merged column by column.
  package var isByColumns: @Sendable (StepSetup, TensorTask) -> Bool = { _, _ in false }
  /// Makes what works in one lane.
  package let makeRule: @Sendable (StepSetup) -> any StepRowRule
}

/// A pass that finds where each tensor's values are cut.
package struct StepSelectionPass: Sendable {
  /// Rows of a tile that rules have as room.
  package static let roomRows = 3

  /// What is found, for plans.
  package let what: String
  /// What is asked about a tensor; nil if nothing is.
  package let question: @Sendable (StepSetup, TensorTask) -> StepQuestion?
  /// Makes what works in one lane; given what is known of rows.
  package let makeRule: @Sendable (StepSetup, (any StepRowNumbers)?) -> any StepValueRule
}

/// A row of the table of methods in mergekit's grammar: with mergekit's meaning, defaults and roundings.
package struct StepMethod: Sendable {
  /// Whether a base is needed.
  package enum Base: String, Sendable, Hashable {
    /// It is one of the inputs, if it is given at all.
    case unused
    /// Differences are taken from it if it is given.
    case optional
    /// It must be given.
    case required
  }

  /// How deltas are made sparse.
  package enum Sparsity: Sendable, Hashable {
    /// Not at all.
    case none
    /// Those stay whose magnitudes are the largest.
    case largest
    /// Those stay that lie below the largest.
    case middle
    /// At random.
    case draws
    /// At random, the larger the likelier.
    case ranks
  }

  /// The name in recipes.
  package let name: String
  /// What it does, in one sentence.
  package let summary: String
  /// Whether a base is needed.
  package let base: Base
  /// The fewest and the most inputs beside the base; no bound if the most is nil.
  package var models: (least: Int, most: Int?) = (1, nil)
  /// What it looks at.
  package var parameters: [StepParameter] = []
  /// Whether it works on differences from the base.
  package var takesDifferences = false
  /// How these are made sparse.
  package var sparsity = Sparsity.none
  /// Whether it always makes weights of F32, whatever it computes in.
  package var makesFloat32 = false
  /// What must be added up before the merge, one pass after the other; each knows the sums of those before.
  package var sums: [StepSumPass] = []
  /// What must be known of rows, where tensors are merged row by row.
  package var rows: StepRowPass?
  /// Where each tensor's values must be cut before the merge.
  package var selection: StepSelectionPass?
  /// Where it comes from.
  package let paper: String
  /// The operator.
  let rule: @Sendable (StepSetup, ChainInputs) -> StepOperator

  /// The passes that it always takes before the merge.
  package var neededPasses: [String] {
    guard sums.isEmpty else { return sums.map(\.what) }
    return [rows?.what, selection?.what].compactMap(\.self)
  }

  /// The passes that some parameters ask for.
  package var optionalPasses: [String] {
    sums.isEmpty ? [] : [rows?.what, selection?.what].compactMap(\.self)
  }

  /// Whether an input of weight 0 is as good as none: then slices may have unequally many.
  package var letsInputsLack: Bool {
    ["linear", "task_arithmetic"].contains(name) || sparsity != .none
  }

  /// How many inputs there may be beside the base, in words.
  package var modelText: String {
    models.most.map { $0 == models.least ? "\($0)" : "\(models.least) to \($0)" }
      ?? "\(models.least)+"
  }

  /// Whether it drops deltas at random.
  package var draws: Bool { sparsity == .draws || sparsity == .ranks }

  /// The method of a name.
  package static func named(_ name: String) -> StepMethod? { table.first { $0.name == name } }
}

extension StepMethod: Hashable {
  /// A method is known by its name.
  package static func == (a: StepMethod, b: StepMethod) -> Bool { a.name == b.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
