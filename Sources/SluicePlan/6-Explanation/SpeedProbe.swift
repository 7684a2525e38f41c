internal import SluiceRecipe
internal import Glibc
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages
internal import Synchronization

/// A quick look at how fast this machine reads, computes and writes now: a fraction of a second, some
/// hundreds of MiB of the inputs, read as a run reads them, by as many threads.
///
/// What was not in the page cache is dropped from it again, so that a look does not make the next run
/// faster than it was said to be.
struct SpeedProbe {
  private static let pieceElements = 1 << 22
  private static let piecesPerLane = 4
  private static let readSeconds = 0.3
  private static let writeSeconds = 0.1
  private static let writeByteCount = 32 << 20
  private static let blockByteCount = 4 << 20

  let plan: TensorPlan

  /// The speeds; nil if there is too little to read for a measurement.
  func measure(output: String) -> PlanExplanation.Speed? {
    let lanes = plan.memory.lanes
    let pieces = self.pieces(SpeedProbe.piecesPerLane * lanes)
    guard pieces.count >= 4 else { return nil }
    let total = Mutex(LaneSpeed())
    let start = MonotonicTime.now
    let run = try? Graph.workThrough(pieces, "probe", threads: lanes) { [plan] list, _ in
      let reader = ProbeLane(plan)
      var speed = LaneSpeed()
      while let piece = try list.next() {
        try reader.look(at: piece, &speed)
        if MonotonicTime.now.seconds(since: start) > SpeedProbe.readSeconds { break }
      }
      total.withLock { $0.add(speed) }
    }
    guard run != nil else { return nil }
    return total.withLock { sum in
      guard sum.warm.bytes > 0, sum.counting.bytes > 0, sum.merging.bytes > 0 else { return nil }
      var speed = PlanExplanation.Speed()
      speed.cache = sum.warm.rate * Double(lanes)
      speed.disk = sum.cold.bytes > 0 ? sum.cold.rate * Double(lanes) : 0
      speed.counting = sum.counting.rate * Double(lanes)
      speed.merging = sum.merging.rate * Double(lanes)
      speed.cachedShare = cachedShare()
      speed.writing = SpeedProbe.writeRate(near: output)
      return speed
    }
  }

  /// Runs of elements of tensors that all models have, spread over the model.
  private func pieces(_ count: Int) -> [ProbePiece] {
    let elements = SpeedProbe.pieceElements
    let tasks = plan.tasks.filter { task in
      task.role != .copied && task.elementCount >= 1 << 16 && !task.base.isNumbers
        && task.fineTuned.allSatisfy { !($0?.isNumbers ?? false) }
        && ([task.base] + task.fineTuned.compactMap(\.self)).allSatisfy {
          $0.view == nil && $0.file < plan.files.count && $0.computed == nil
        } && task.fineTunedElementCounts.allSatisfy { $0 == 0 || $0 >= task.baseElementCount }
    }
    let all = tasks.flatMap { task in
      stride(from: 0, to: task.baseElementCount, by: elements).map { first in
        ProbePiece(task: task, elements: first..<min(first + elements, task.baseElementCount))
      }
    }
    guard all.count > count else { return all }
    return (0..<count).map { all[$0 * all.count / count] }
  }

  /// The share of the inputs that lies in the page cache, by a sample.
  private func cachedShare() -> Double {
    let byteCount = plan.files.reduce(0) { $0 + $1.byteCount }
    guard byteCount > 0 else { return 1 }
    let samples = 256
    var share = 0.0
    for file in plan.files {
      let own = max(1, samples * file.byteCount / byteCount)
      var sum = 0.0
      for sample in 0..<own {
        let start = file.byteCount / own * sample
        sum += file.cachedShare(of: start..<min(start + 1 << 18, file.byteCount))
      }
      share += sum / Double(own) * Double(file.byteCount) / Double(byteCount)
    }
    return share
  }

  /// How fast the output's disk takes bytes; 0 if that cannot be tried.
  private static func writeRate(near output: String) -> Double {
    let directory = PlanExplanation.nearestDirectory(to: output)
    guard let free = try? FileSystem.freeByteCount(at: directory), free > 16 * writeByteCount,
      let pool = try? BufferPool(
        count: 1, byteCount: blockByteCount, cancellation: Cancellation()),
      let buffer = try? pool.take()
    else { return 0 }
    let start = MonotonicTime.now
    let byteCount = unsafe WriteProbe.write(
      buffer.bytes, in: directory, byteLimit: writeByteCount
    ) {
      $0 < 2 * blockByteCount || MonotonicTime.now.seconds(since: start) < writeSeconds
    }
    let seconds = MonotonicTime.now.seconds(since: start)
    return seconds > 0 ? Double(byteCount ?? 0) / seconds : 0
  }
}

/// A run of a tensor's elements.
struct ProbePiece: Sendable {
  let task: TensorTask
  let elements: Range<Int>
}

/// What one lane, or all of them, did.
struct LaneSpeed: Sendable {
  struct Part: Sendable {
    var bytes = 0
    var seconds = 0.0
    var rate: Double { seconds > 0 ? Double(bytes) / seconds : 0 }

    mutating func add(_ other: Part) {
      bytes += other.bytes
      seconds += other.seconds
    }
  }

  var cold = Part()
  var warm = Part()
  var counting = Part()
  var merging = Part()

  mutating func add(_ other: LaneSpeed) {
    cold.add(other.cold)
    warm.add(other.warm)
    counting.add(other.counting)
    merging.add(other.merging)
  }
}
