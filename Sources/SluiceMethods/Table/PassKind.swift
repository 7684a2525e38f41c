/// A kind of pass over tensors that a method may ask for before the merge, in the order in which they run.
///
/// What such a pass does is said where passes are (`SluicePlan`); a method only knows that it needs one.
package enum PassKind: String, Sendable, Hashable, CaseIterable {
  /// Linear layers are solved for, into a file of F32 weights.
  case solve
  /// The histograms of linear layers.
  case survey
  /// Where each row of each linear layer is cut.
  case rowCuts = "rows"
  /// Where each row of each linear layer is cut by magnitude.
  case rowBands = "row cuts"
  /// Where bands of each tensor's deltas are cut.
  case bands
  /// Which deltas of each row are kept, by rank and chance.
  case ranks
  /// The sums of |delta| before and after the mask.
  case maskSums = "mask sums"
  /// Each layer's rows, added up into a few.
  case sketch
  /// The directions of inputs that each layer's deltas look at.
  case directions
  /// What each direction holds of the squares of a layer's deltas.
  case energies
  /// What each row of all models has along the directions.
  case jointRows = "joint rows"
  /// Where each row of each model's blended deltas is cut.
  case jointCuts = "joint cuts"
  /// The norm of each row before and after the mask.
  case rowNorms = "row norms"
  /// What makes up for what the mask removes of each row, along the directions.
  case corrections
  /// The histograms of what the pruning leaves of all tensors.
  case trim
  /// What must be known of rows that are merged by themselves.
  case stepRows = "rows of all"
  /// Where the values of each tensor are cut.
  case selection
  /// Sums over each tensor.
  case sums
  /// The sign that most elements elect.
  case majority
}

extension PassKind {
  /// Kinds that read whole rows or matrices of the models themselves, which neither a stage of one's own
  /// changes first nor a store has.
  package static let ofModels: Set<PassKind> = [
    .solve, .rowCuts, .rowBands, .rowNorms, .sketch, .directions, .energies,
    .jointRows, .jointCuts, .corrections,
  ]
  /// Kinds that solve for all models as they are.
  package static let solving: Set<PassKind> = [.solve, .jointRows, .jointCuts]
}

/// A pass that a row of the table asks for: always, or with some settings.
package struct PassRequest: Sendable {
  /// The kind.
  let kind: PassKind
  /// Whether it is needed with these parameters.
  let isNeeded: @Sendable (MethodParameters) -> Bool

  /// A pass that is always needed.
  static func always(_ kind: PassKind) -> PassRequest {
    PassRequest(kind: kind) { _ in true }
  }

  /// A pass that some settings need.
  static func when(
    _ isNeeded: @escaping @Sendable (MethodParameters) -> Bool, _ kind: PassKind
  ) -> PassRequest {
    PassRequest(kind: kind, isNeeded: isNeeded)
  }
}

extension MethodRow {
  /// The passes that the row asks for with some parameters.
  package func passes(_ method: MethodParameters) -> Set<PassKind> {
    Set(passes.filter { $0.isNeeded(method) }.map(\.kind))
  }

  /// The passes that it asks for with one setting or another.
  package var possiblePasses: Set<PassKind> { Set(passes.map(\.kind)) }
}
