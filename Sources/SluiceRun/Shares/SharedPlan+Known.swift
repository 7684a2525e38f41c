internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

extension SharedPlan {
  /// Whether the histograms of a phase stay with the shares: what follows from all looks into them again.
  func keepsSpectra(_ phase: SharePhase) -> Bool { phase == .survey || phase == .trim }

  /// What follows from all shares in the phases before one.
  func known(before phase: SharePhase) throws -> KnownFindings {
    var known = KnownFindings()
    for phase in run.phases.prefix(while: { $0 != phase }) {
      switch phase {
      case .survey:
        // Of a slice those of its layers; those of all layers would take more than it does.
        let own = try reduced(phase).filter { merge.tensors.task($0.key.ordinal) != nil }
        guard let rates = LayerRates(own, modelCount: merge.tensors.modelCount) else {
          throw ShareRecords.damaged(
            folder.reduced(phase), "its rates are not those of the models")
        }
        known.rates = rates
      case .threshold:
        let cuts = try reduced(phase).compactMap { Cut(record: $0.body) }
        guard cuts.count == merge.tensors.modelCount else {
          throw ShareRecords.damaged(folder.reduced(phase), "its cuts are not those of the models")
        }
        known.trims = GlobalCuts(cuts)
      case .majority:
        guard let majority = try reduced(phase).first?.majority else {
          throw ShareRecords.damaged(folder.reduced(phase), "it is not a number of signs")
        }
        known.majority = majority
      case .trim, .merge: break
      }
    }
    return known
  }

  /// How many magnitudes of all shares lie in each bin, model by model.
  func trimBins() throws -> [TrimBins] {
    var bins = merge.tensors.modelNames.map { _ in TrimBins() }
    try add(try reduced(.trim), to: &bins, from: folder.reduced(.trim))
    return bins
  }

  /// Adds what records say of models.
  func add(_ records: [JournalRecord], to bins: inout [TrimBins], from path: String) throws {
    for record in records where [.trimBins, .trimMagnitudes].contains(record.key.kind) {
      guard bins.indices.contains(record.key.ordinal), bins[record.key.ordinal].add(record.body)
      else { throw ShareRecords.damaged(path, "a count that is none of the models'") }
    }
  }

  /// The records of what follows from all shares in a phase.
  private func reduced(_ phase: SharePhase) throws -> [JournalRecord] {
    guard
      let records = try ShareRecords.read(
        folder.reduced(phase), of: folder.reducedOwner(phase))
    else { throw PipelineError.notReduced(folder.output, phase) }
    return records
  }
}
