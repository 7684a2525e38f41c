package import SluiceStages

/// What a pruning does row by row.
extension MethodParameters {
  /// Over what the largest deltas are chosen.
  package var usedMaskUnit: MaskUnit {
    uses(ParameterRow.at(\.maskUnit)) ? self.maskUnit : .tensor
  }

  /// Whether the largest deltas of each layer as a whole are kept: what is kept follows from its cuts.
  package var cutsByMagnitude: Bool {
    self.pruning.row.cutsByMagnitude && usedMaskUnit == .tensor
  }

  /// What makes up for deltas that the mask drops.
  package var usedRescale: Rescale {
    self.rescale ?? (self.pruning.row.drawsMasks && !compensates ? .inverse : .none)
  }

  /// Whether each row gets the norm back that the mask takes from it.
  package var restoresNorms: Bool {
    uses(ParameterRow.at(\.rescale)) && usedRescale == .rowL2
  }

  /// Whether what the mask keeps of each row makes up for what it removes.
  package var compensates: Bool {
    uses(ParameterRow.at(\.compensation)) && self.compensation == .own && !blends
  }

  /// Whether what is kept of each row of blended deltas makes up for what is not.
  package var compensatesBlends: Bool { blends && self.compensation == .own }

  /// Whether models are blended by what their deltas say of their inputs.
  package var blends: Bool {
    solvesOwn || self.merging.row.passes(self).contains(.jointRows)
  }

  /// Whether they are blended by the whole Gram matrices of their deltas, without directions.
  package var solvesOwn: Bool {
    self.sketchRank == .all && self.merging.row.passes(self).contains(.solve)
      && uses(ParameterRow.at(\.gramShare))
  }

  /// How many of a delta's own directions are looked for in each linear layer.
  package var usedSketchRank: SketchRank { self.sketchRank ?? .count(blends ? 32 : 16) }

  /// Whether each layer takes as many directions as hold a share of its deltas' squares.
  var asksForShare: Bool { self.sketchRank?.share != nil }

  /// Whether a stage stands between the mask and the amplification that looks at rows.
  package var makesUpForRows: Bool { restoresNorms || compensates }
}
