extension ReferenceOptions {
  /// How deltas are pruned.
  package enum Prune: String, Sendable, CaseIterable {
    /// By magnitude, with partitions: the rates differ.
    case dppa, dp, magnitude, owl
    /// At random.
    case dare
    /// By row and activation.
    case wanda
    /// Not at all.
    case none
  }

  /// How deltas are merged.
  package enum Merge: String, Sendable, CaseIterable {
    /// By election.
    case ties
    /// Added up.
    case sum
    /// Averaged.
    case average
    /// Blended by own Gram matrices.
    case ownRegMean = "own-regmean"
    /// Added up with weights that are shares.
    case lmCocktail = "lm-cocktail"
    /// Added up with coefficients.
    case adaMerging = "adamerging"
    /// Elected, then added up with coefficients.
    case adaMergingPlusPlus = "adamerging++"
  }

  /// What significance is a share of.
  package enum Measure: String, Sendable, CaseIterable {
    /// Of the mass.
    case mass
    /// Of the elements.
    case count
  }

  /// How dropped deltas are made up for.
  package enum Rescale: String, Sendable, CaseIterable {
    /// By the share that is kept.
    case inverse
    /// By the mass that is kept.
    case l1
    /// By the norm of each row that is kept.
    case rowL2 = "row-l2"
    /// Not.
    case none
  }

  /// Versions of TIES.
  package enum Flavor: String, Sendable, CaseIterable {
    /// Without a trim.
    case plain
    /// With one threshold for all.
    case original
    /// With a density for each tensor, and weights.
    case mergekit
  }

  /// The sign of a zero sum.
  package enum ZeroSign: String, Sendable, CaseIterable {
    /// Plus.
    case positive
    /// That of most.
    case majority
    /// None.
    case drop
  }

  var selectingFlavor: Flavor { merge == .adaMergingPlusPlus ? .original : flavor }
  var keptShare: Double { density ?? (selectingFlavor == .original ? 0.2 : 1) }
  var elects: Bool { merge == .ties || merge == .adaMergingPlusPlus }
  var trims: Bool { elects && keptShare < 1 }
  var zeroRule: ZeroSign { zeroSign ?? (selectingFlavor == .original ? .majority : .positive) }
}
