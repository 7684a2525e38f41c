internal import CSluiceKernels

/// Compares several runs of numbers with themselves and with each other, block by block: each is read once.
///
/// What `Kernels.compare` says of two runs and a block is added up, block after block.
@safe package final class RunComparison {
  /// Two of the runs.
  package typealias Pair = (first: Int, second: Int)

  private let kernels: Kernels
  private let runCount: Int
  private let runs: AlignedBuffer<UnsafePointer<Float>?>
  private let pairs: AlignedBuffer<sluice_pair>
  /// Of the runs with themselves, then of the pairs.
  private let sums: AlignedBuffer<sluice_comparison>

  /// Prepares for a number of runs.
  ///
  /// - Parameters:
  ///   - runCount: How many runs there are.
  ///   - pairs: The positions of two runs each, for all that are compared.
  ///   - kernels: The kernels to compare with.
  package init(runCount: Int, pairs: [Pair], kernels: Kernels) {
    self.kernels = kernels
    self.runCount = runCount
    unsafe runs = AlignedBuffer(count: runCount, fill: nil)
    self.pairs = AlignedBuffer(count: pairs.count, fill: sluice_pair())
    sums = AlignedBuffer(count: runCount + pairs.count, fill: sluice_comparison())
    for (index, pair) in pairs.enumerated() {
      precondition((0..<runCount).contains(pair.first) && (0..<runCount).contains(pair.second))
      unsafe self.pairs.pointer[index] = sluice_pair(
        first: UInt32(pair.first), second: UInt32(pair.second))
    }
  }

  /// Says where the next block of a run is.
  ///
  /// - Parameters:
  ///   - run: The position of the run.
  ///   - values: Finite numbers.
  package func set(_ run: Int, _ values: UnsafePointer<Float>) {
    precondition((0..<runCount).contains(run))
    unsafe runs.pointer[run] = values
  }

  /// Compares the blocks of all runs.
  ///
  /// - Parameter count: How many numbers each has.
  package func add(count: Int) {
    guard runCount <= SLUICE_RUNS, pairs.count <= SLUICE_PAIRS else {
      return addOneByOne(count: count)
    }
    // SAFETY: every run was set to so many numbers, and pairs are of runs that there are.
    unsafe UnsafeRawPointer(runs.pointer).withMemoryRebound(
      to: UnsafePointer<Float>.self, capacity: runCount
    ) { runs in
      unsafe kernels.functions.pointee.compare_runs(
        runs, runCount, pairs.pointer, pairs.count, count, sums.pointer)
    }
  }

  private func addOneByOne(count: Int) {
    for run in 0..<runCount { add(run, run, count: count, to: run) }
    for index in 0..<pairs.count {
      let pair = unsafe pairs.pointer[index]
      add(Int(pair.first), Int(pair.second), count: count, to: runCount + index)
    }
  }

  private func add(_ first: Int, _ second: Int, count: Int, to sum: Int) {
    guard let a = unsafe runs.pointer[first], let b = unsafe runs.pointer[second] else { return }
    let found = unsafe kernels.compare(a, b, count: count)
    unsafe sums.pointer[sum].dot += found.dot
    unsafe sums.pointer[sum].both += UInt64(found.both)
    unsafe sums.pointer[sum].same += UInt64(found.same)
  }

  /// What was added up of a run with itself.
  package func sum(ofRun run: Int) -> Comparison {
    precondition((0..<runCount).contains(run))
    return sum(at: run)
  }

  /// What was added up of a pair.
  package func sum(ofPair pair: Int) -> Comparison {
    precondition((0..<pairs.count).contains(pair))
    return sum(at: runCount + pair)
  }

  private func sum(at place: Int) -> Comparison {
    let sum = unsafe sums.pointer[place]
    return Comparison(dot: sum.dot, both: Int(sum.both), same: Int(sum.same))
  }

  /// Begins anew.
  package func clear() { sums.clear(0..<sums.count) }
}
