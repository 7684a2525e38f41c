internal import SluiceRecipe

/// A kind of work that a journal knows as finished, one unit at a time.
///
/// Kinds are names in a file format (docs/reference/journal.md): a name keeps its meaning forever.
package struct UnitKind: RawRepresentable, Sendable, Hashable {
  /// The name, at most 255 bytes.
  package let rawValue: String

  /// Names a kind.
  ///
  /// - Parameter rawValue: The name, 1 to 255 bytes of UTF-8.
  package init(rawValue: String) {
    precondition((1...255).contains(rawValue.utf8.count), "a kind's name has 1 to 255 bytes")
    self.rawValue = rawValue
  }

  /// An attempt to do the run, numbered from 0, and what it has cost so far.
  package static let attempt = UnitKind(rawValue: "attempt")
  /// Takes back the unit whose kind is its body and whose ordinal it shares.
  package static let undone = UnitKind(rawValue: "undone")
  /// The histograms of a strip, one for each model.
  package static let survey = UnitKind(rawValue: "survey")
  /// The same, with bins replaced by the magnitudes in them.
  package static let refine = UnitKind(rawValue: "refine")
  /// Where the frames lie that later records tell of; what earlier ones told of another place is
  /// forgotten.
  package static let spillPlace = UnitKind(rawValue: "spill-place")
  /// The frames of a strip, one table for each model.
  package static let spill = UnitKind(rawValue: "spill")
  /// The statistics of a tensor that a stage of one's own asked for; the number is that of the stage
  /// times the number of tensors plus that of the tensor.
  package static let statistics = UnitKind(rawValue: "statistics")
  /// How the tensors of a strip were changed: before its record as merged.
  package static let changes = UnitKind(rawValue: "changes")
  /// A strip of the merged model.
  package static let merge = UnitKind(rawValue: "merge")
  /// The whole of the merged model: from here on files get their finished names.
  package static let publish = UnitKind(rawValue: "publish")
}

/// A unit of work: what kind, and which one.
package struct UnitKey: Sendable, Hashable {
  /// The kind.
  package let kind: UnitKind
  /// The number among the units of the kind, from 0.
  package let ordinal: Int

  /// Names a unit.
  ///
  /// - Parameters:
  ///   - kind: The kind.
  ///   - ordinal: The number among the units of the kind, from 0.
  package init(_ kind: UnitKind, _ ordinal: Int) {
    self.kind = kind
    self.ordinal = ordinal
  }
}
