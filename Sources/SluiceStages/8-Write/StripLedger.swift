internal import SluiceCore
package import SluiceFormats
internal import Synchronization

/// Notices when a strip is finished: merged by its lane, and written by the writer, whichever of the
/// two is last.
package final class StripLedger: Sendable {
  private struct Entry {
    var writtenByteCount = 0
    var merged: Finished?
  }

  /// A finished strip, with the sum of its tiles.
  package typealias Finished = (strip: Strip, sum: BlockSum)

  private let entries = Mutex<[Int: Entry]>([:])
  private let didFinish: @Sendable ([Finished]) -> Void

  /// Makes a ledger without strips.
  ///
  /// - Parameter didFinish: Called once all bytes of strips have been handed to the system, with those that
  ///   were written together; on the thread of a lane or of the writer.
  package init(didFinish: @escaping @Sendable ([Finished]) -> Void) {
    self.didFinish = didFinish
  }

  /// Notes that bytes of strips were written.
  func didWrite(_ shares: some Collection<StripShare>) {
    let finished = entries.withLock { entries in
      shares.compactMap { share in
        StripLedger.update(share.strip, in: &entries) { $0.writtenByteCount += share.byteCount }
      }
    }
    if !finished.isEmpty { didFinish(finished) }
  }

  /// Notes that a lane is through with strips.
  func didMerge(_ strips: [Finished]) {
    let finished = entries.withLock { entries in
      strips.compactMap { merged in
        StripLedger.update(merged.strip.ordinal, in: &entries) { $0.merged = merged }
      }
    }
    if !finished.isEmpty { didFinish(finished) }
  }

  /// Changes what is known of a strip; gives it if it is finished with that.
  private static func update(
    _ strip: Int, in entries: inout [Int: Entry], _ change: (inout Entry) -> Void
  ) -> Finished? {
    var entry = entries[strip] ?? Entry()
    change(&entry)
    guard let merged = entry.merged,
      entry.writtenByteCount == merged.strip.outputByteCount
    else {
      entries[strip] = entry
      return nil
    }
    entries[strip] = nil
    return merged
  }
}

extension Strip {
  /// The bytes of the strip in the output.
  package var outputByteCount: Int { elements.count * (task.outputDType.byteCount ?? 1) }

  /// Where those bytes begin in the output shard.
  package var outputOffset: Int {
    task.outputOffset + elements.lowerBound * (task.outputDType.byteCount ?? 1)
  }

  /// The bytes that all models have of the strip.
  package var inputByteCount: Int {
    guard elements.count < task.elementCount else { return task.inputByteCount }
    func byteCount(_ source: TensorSource, _ available: Int) -> Int {
      source.byteCount(
        ofElements: max(0, min(elements.upperBound, available) - elements.lowerBound))
    }
    return zip(task.fineTuned, task.fineTunedElementCounts).reduce(
      byteCount(task.base, task.baseElementCount)
    ) { sum, model in
      sum + (model.0.map { byteCount($0, model.1) } ?? 0)
    }
  }
}
