internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceStages

extension MergeWork {
  /// Notes that the histograms of strips are in the store.
  func didSurvey(_ strips: [Strip], isRefined: Bool) {
    guard let journal else { return }
    let slots = store.records.slots(strips: strips.map(\.ordinal))
    let records = zip(strips, slots).compactMap { strip, slots in
      slots.map { JournalRecord.surveyed(strip, $0, isRefined: isRefined) }
    }
    journal.finished(records, in: [store.records.file])
  }

  /// Notes that the frames of a strip are in the spill.
  func didSpill(_ strip: Strip) {
    guard let journal, let spill, let slots = spill.records.slots(strip: strip.ordinal) else {
      return
    }
    journal.finished(.spilled(strip, slots), in: spill.records.file)
  }

  /// Notes the statistics that a stage asked for, model by model.
  func didFind(_ values: [Double], unit: Int) {
    var body: [UInt8] = []
    for value in values { body.append(littleEndian: value.bitPattern) }
    journal?.finished(JournalRecord(UnitKey(.statistics, unit), body: body))
  }

  /// Who learns what is merged and written.
  func ledger() -> StripLedger {
    StripLedger { [sums, journal, shards, norms, figures] finished in
      sums.add(finished)
      guard let journal else { return }
      var records: [JournalRecord] = []
      records.reserveCapacity(2 * finished.count)
      let changes = figures.sums(strips: finished.map(\.strip.ordinal))
      for ((strip, sum), found) in zip(finished, changes) {
        if let found {
          records.append(JournalRecord(UnitKey(.changes, strip.ordinal), body: found.encoded))
        }
        records.append(.merged(strip, sum, norms?.sums(of: strip.ordinal)))
      }
      let places = Set(finished.map(\.strip.task.outputShard))
      journal.finished(records, in: places.map(shards.durableData))
    }
  }

  /// Notes the most memory that the process had.
  func didPeak() {
    var body: [UInt8] = []
    body.append(count: ProcessMemory.peakByteCount)
    journal?.finished(JournalRecord(UnitKey(.peakMemory, 0), body: body))
  }

  /// Waits until the whole of the merged model is on the disk, and notes that its files are about to
  /// get their finished names.
  func beginPublishing() throws {
    // The record is after those of all strips, and stands only if they do.
    try shards.finish()
    if !earlier.isPublishing { journal?.finished(JournalRecord(UnitKey(.publish, 0))) }
    try journal?.commit()
  }
}
