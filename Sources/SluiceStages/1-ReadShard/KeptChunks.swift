internal import SluiceCore
package import SluiceDataflow
internal import Synchronization

/// The chunks that a pass looks at twice, kept in memory between the two looks as far as there is room.
///
/// A lane looks again, at once, at a tensor of which all chunks are here. Where some found no room, its strips
/// are handed out again, and what is not here is read again, from the page cache if it is still there.
package final class KeptChunks: Sendable {
  /// What is here of a tensor.
  private struct Kept {
    /// By strips, in the order of elements.
    var strips: [Int: [Chunk]] = [:]
    /// How many elements found room.
    var elementCount = 0
  }

  private let pool: BufferPool
  private let tensors = Mutex<[Int: Kept]>([:])
  /// How many tensors are here of which all elements found room: lanes need nobody to be done with these.
  private let wholeCount = Atomic<Int>(0)

  /// Makes an empty collection.
  ///
  /// - Parameter pool: The buffers that are room for a chunk each.
  package init(_ pool: BufferPool) { self.pool = pool }

  /// A buffer for a chunk that will be kept; waits for one as long as lanes are about to give some back.
  ///
  /// - Parameters:
  ///   - strip: The strip of the chunk.
  ///   - elements: Its elements.
  /// - Returns: The buffer; nil if there is no room.
  /// - Throws: `CancelledError` if the run was cancelled.
  func room(_ strip: Strip, _ elements: Range<Int>) throws(CancelledError) -> PooledBuffer? {
    let buffer = try pool.take(while: { wholeCount.load(ordering: .acquiring) > 0 })
    guard buffer != nil else { return nil }
    tensors.withLock { tensors in
      tensors[strip.task.ordinal, default: Kept()].elementCount += elements.count
      if tensors[strip.task.ordinal]?.elementCount == strip.task.elementCount {
        wholeCount.wrappingAdd(1, ordering: .releasing)
      }
    }
    return buffer
  }

  /// Keeps a chunk that was read into a buffer of the collection, once its first look is done.
  package func keep(_ chunk: Chunk) {
    guard chunk.isKept else { return }
    let strip = chunk.strip
    tensors.withLock { tensors in
      tensors[strip.task.ordinal, default: Kept()].strips[strip.ordinal, default: []].append(chunk)
    }
  }

  /// Gives the chunks of a tensor away for its second look, if all of them are here.
  ///
  /// - Parameters:
  ///   - task: The tensor, of which all strips were looked at.
  ///   - strips: Those of its strips that are looked at again.
  /// - Returns: The chunks, strip by strip; nil if some are missing.
  package func take(_ task: TensorTask, _ strips: [Strip]) -> [Chunk]? {
    let kept = tensors.withLock { tensors -> Kept? in
      let isWhole = tensors[task.ordinal]?.elementCount == task.elementCount
      // What nobody looks at again is let go of in any case.
      let kept = isWhole || strips.isEmpty ? tensors.removeValue(forKey: task.ordinal) : nil
      return isWhole ? kept : nil
    }
    return kept.map { kept in
      strips.flatMap { strip in (kept.strips[strip.ordinal] ?? []).map { $0.seen(again: strip) } }
    }
  }

  /// Notes that a lane is done with a tensor of which all chunks were here.
  package func didFinish() {
    wholeCount.wrappingSubtract(1, ordering: .releasing)
    pool.wakeAll()
  }

  /// Gives a chunk away for its second look; nil if it is not here.
  func take(_ strip: Strip, _ elements: Range<Int>) -> Chunk? {
    tensors.withLock { tensors in
      guard var chunks = tensors[strip.task.ordinal]?.strips[strip.ordinal],
        let place = chunks.firstIndex(where: { $0.elements == elements })
      else { return nil }
      let chunk = chunks.remove(at: place)
      tensors[strip.task.ordinal]?.strips[strip.ordinal] = chunks
      return chunk
    }
  }
}
