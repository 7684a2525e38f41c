internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

extension FinishedWorkCheck {
  /// Units of passes that are not where their file has them.
  func unitsOfPassesWithoutFile(_ progress: MergeProgress) throws -> [UnitKey] {
    try progress.units.filter { $0.key.isInFile }.flatMap { kind, units in
      let byteCount = try FileStatus.of(directory.workPath(kind.rawValue))?.byteCount ?? 0
      return units.filter { _, unit in
        guard let slots = StripRecords.Slot.decode(unit.body) else { return true }
        return kind.hasHistograms && slots.count != plan.modelCount
          || slots.contains { $0.offset + $0.byteCount > byteCount }
      }.keys.map { UnitKey(kind, $0) }
    }
  }

  /// Units of passes that are not what was written.
  ///
  /// Damaged histograms are found when they are used; of what is used without looking at hashes a sample
  /// is read, and all if something is wrong with that.
  func damagedUnitsOfPasses(
    _ progress: MergeProgress, _ extent: ResumeCheck, except known: Set<UnitKey>
  ) throws -> [UnitKey] {
    var damaged: [UnitKey] = []
    for (kind, units) in progress.units
    where kind.isInFile && (extent == .all || !kind.hasHistograms) {
      guard let file = try WorkFile.open(at: directory.workPath(kind.rawValue), isReadOnly: true)
      else { continue }
      let all = units.filter { !known.contains(UnitKey(kind, $0.key)) }
      var first = all
      if extent == .sample {
        let latest = all.count - FinishedWorkCheck.latestCount
        let inOrder = all.sorted { $0.value.order < $1.value.order }
        let sample = inOrder.indices.filter {
          $0 >= latest || $0 % FinishedWorkCheck.interval == 0
        }
        first = Dictionary(
          uniqueKeysWithValues: sample.map { (inOrder[$0].key, inOrder[$0].value) })
      }
      var found = try damagedUnits(of: first, file)
      if !found.isEmpty, extent == .sample {
        found += try damagedUnits(of: all.filter { first[$0.key] == nil }, file)
      }
      damaged += found.map { UnitKey(kind, $0) }
    }
    return damaged
  }

  private func damagedUnits(of units: [Int: MergeProgress.Unit], _ file: WorkFile) throws -> [Int] {
    try units.filter { _, unit in
      try cancellation.check()
      return try (StripRecords.Slot.decode(unit.body) ?? []).contains { slot in
        try Hash128(of: file.bytes(in: slot.offset..<slot.offset + slot.byteCount)) != slot.hash
      }
    }.keys.sorted()
  }
}
