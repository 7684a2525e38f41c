internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

extension MergeReport {
  /// Fills in what the attempts have cost up to now.
  mutating func count(_ work: MergeWork) {
    let (costs, attempts) = work.totals
    totals.seconds = costs.seconds
    totals.bytesRead = costs.bytesRead
    totals.bytesWritten = costs.bytesWritten.addingUpToLimit(
      plan.layout.byteCount - plan.layout.tensorByteCount)
    totals.attempts = attempts
    totals.peakMemory = ProcessMemory.peakByteCount
  }

  /// Adds what was odd about the work of earlier attempts and the output.
  mutating func addRunWarnings(damaged: [UnitKey], isLocked: Bool, output: String) {
    if !damaged.isEmpty {
      warnings.append(
        Warning(
          .damagedWork, subject: Subject(file: output),
          message: "\(damaged.count) finished parts of an earlier attempt were missing or not what "
            + "had been written; they were done again"))
    }
    if !isLocked {
      warnings.append(
        Warning(
          .unlockedOutput, subject: Subject(file: output),
          message: "its file system has no locks; nothing keeps a second run away from it"))
    }
  }
}
