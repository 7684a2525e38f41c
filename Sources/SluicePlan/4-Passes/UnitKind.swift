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
  /// The solution for a layer, in the file that is named like the kind.
  package static let solved = UnitKind(rawValue: "solved")
  /// The cuts of some rows of a layer, in the file that is named like the kind.
  package static let rowCuts = UnitKind(rawValue: "row-cuts")
  /// The cuts of some rows of a layer by magnitude, in the file that is named like the kind.
  package static let rowBands = UnitKind(rawValue: "row-bands")
  /// What makes up for what a mask removed of some rows, in the file that is named like the kind.
  package static let rowNorms = UnitKind(rawValue: "row-norms")
  /// Sums of rows of a layer of a model, of some rows, in the file that is named like the kind.
  package static let rowSums = UnitKind(rawValue: "row-sums")
  /// The directions of a layer of one model or of all, in the file that is named like the kind.
  package static let directions = UnitKind(rawValue: "directions")
  /// What the directions of a layer hold of some rows of a model, in the file that is named like the kind.
  package static let energies = UnitKind(rawValue: "energies")
  /// The products of some rows of all models with directions, in the file that is named like the kind.
  package static let jointRows = UnitKind(rawValue: "joint-rows")
  /// Where some rows of a model's blended deltas are cut, in the file that is named like the kind.
  package static let jointCuts = UnitKind(rawValue: "joint-cuts")
  /// What makes up for what a mask removed of some rows, along directions, in the file that is named like the
  /// kind.
  package static let corrections = UnitKind(rawValue: "corrections")
  /// The sums of a strip before and after the mask.
  package static let maskSums = UnitKind(rawValue: "mask-sums")
  /// The histograms of a strip as the pruning left it, in the file that is named like the kind.
  package static let trimStatistics = UnitKind(rawValue: "trim-statistics")
  /// The histograms of a strip as a store keeps it, in the file that is named like the kind.
  package static let keptStatistics = UnitKind(rawValue: "kept-statistics")
  /// The signs that the elements of a strip elect.
  package static let majority = UnitKind(rawValue: "majority")
  /// The histograms of a strip, to find bands of magnitudes, in the file that is named like the kind.
  package static let bandStatistics = UnitKind(rawValue: "band-statistics")
  /// Which deltas of some rows are kept, in the file that is named like the kind.
  package static let keepBits = UnitKind(rawValue: "keep-bits")
  /// Numbers of some rows, in the file that is named like the kind.
  package static let rowNumbers = UnitKind(rawValue: "row-numbers")
  /// Where the values of a tensor are cut.
  package static let selection = UnitKind(rawValue: "selection")
  /// A strip of the merged model.
  package static let merge = UnitKind(rawValue: "merge")
  /// The whole of the merged model: from here on files get their finished names.
  package static let publish = UnitKind(rawValue: "publish")
  /// What a process must know of a merge to do a part of it.
  package static let slice = UnitKind(rawValue: "slice")
  /// Tensors of that part.
  package static let sliceTensors = UnitKind(rawValue: "slice-tensors")
  /// What a share says of a linear layer: its statistics, and its cuts once they are known.
  package static let layer = UnitKind(rawValue: "layer")
  /// The rates of a linear layer, found from all shares.
  package static let rates = UnitKind(rawValue: "rates")
  /// How many magnitudes of what a share has of a model lie in each bin; the number is the model's.
  package static let trimBins = UnitKind(rawValue: "trim-bins")
  /// How many there are of each magnitude in the bin that a model is cut in; the number is the model's.
  package static let trimMagnitudes = UnitKind(rawValue: "trim-magnitudes")
  /// Where all of a model is cut; the number is the model's.
  package static let trimCut = UnitKind(rawValue: "trim-cut")
  /// How much of a linear layer lies along its directions.
  package static let held = UnitKind(rawValue: "held")
  /// What solving for the layers of a share left of a model; the number is the model's.
  package static let solvedCount = UnitKind(rawValue: "solved-count")
  /// The most memory that an attempt at a share had.
  package static let peakMemory = UnitKind(rawValue: "peak-memory")
  /// The end of a file of records that has its name only when it is whole.
  package static let end = UnitKind(rawValue: "end")
}

extension UnitKind {
  private static let stageStatistics = "statistics-"
  private static let stepSums = "sums-"

  /// The sums of a strip.
  ///
  /// - Parameter pass: The number of the pass among those that add up, from 0.
  /// - Returns: The kind.
  static func sums(of pass: Int) -> UnitKind { UnitKind(rawValue: "\(stepSums)\(pass + 1)") }

  /// The histograms of a strip for a stage of one's own, in the file that is named like the kind.
  ///
  /// - Parameter stage: The number of the stage among those that ask for statistics, from 0.
  /// - Returns: The kind.
  static func statistics(of stage: Int) -> UnitKind {
    UnitKind(rawValue: "\(stageStatistics)\(stage + 1)")
  }

  /// Whether a unit's histograms, one for each model, lie in the file that is named like the kind.
  package var hasHistograms: Bool {
    [.trimStatistics, .bandStatistics, .keptStatistics].contains(self)
      || rawValue.hasPrefix(UnitKind.stageStatistics)
  }

  /// Whether a unit lies in the file that is named like the kind.
  package var isInFile: Bool {
    hasHistograms
      || [
        .solved, .rowCuts, .rowBands, .rowNorms, .rowSums, .directions, .energies, .jointRows,
        .jointCuts, .corrections, .keepBits, .rowNumbers,
      ].contains(self)
  }

  /// Whether `PassUnits` keeps units of the kind.
  package var isOfPass: Bool {
    isInFile || [.maskSums, .majority, .selection].contains(self)
      || rawValue.hasPrefix(UnitKind.stepSums)
  }
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
