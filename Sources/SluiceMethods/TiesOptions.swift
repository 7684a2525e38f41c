package import SluiceKernels

/// Which version of TIES.
package enum TiesFlavor: String, Sendable, Hashable, CaseIterable {
  /// No trim; a zero sum elects plus.
  case plain
  /// One threshold for all of a model's deltas, at a density of 0.2; a zero sum elects the sign that
  /// most elements of the model elect.
  case original
  /// A density for each tensor, 1 by default; weights enter the election and the mean.
  case mergekit
}

/// The sign that deltas elect that add up to zero.
package enum ZeroSignRule: String, Sendable, Hashable, CaseIterable {
  /// Plus.
  case positive
  /// That of most elements of the model, over all tensors that are merged.
  case majority
  /// None: the merged delta is zero.
  case drop
}

/// What becomes of the deltas that have the elected sign.
package enum TiesAggregation: String, Sendable, Hashable, CaseIterable {
  /// Their mean; in mergekit's sense weighted.
  case mean
  /// Their sum.
  case sum
}

extension MethodParameters {
  /// The version of TIES that selects deltas.
  package var selectingFlavor: TiesFlavor { self.merging.row.fixedFlavor ?? self.tiesFlavor }

  /// The fraction of deltas that TIES leaves before it elects.
  package var trimDensity: Double {
    self.tiesDensity ?? (selectingFlavor == .original ? 0.2 : 1)
  }

  /// The sign that a sum of zero elects.
  package var electedZeroSign: ZeroSignRule {
    self.zeroSign ?? (selectingFlavor == .original ? .majority : .positive)
  }

  /// Which of the elements at TIES' own threshold are kept: all in the original, as many as asked
  /// for in mergekit's sense.
  package var trimTieBreak: TieBreak { selectingFlavor == .original ? .keep : .spread }
}
