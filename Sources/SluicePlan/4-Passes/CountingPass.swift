internal import SluiceKernels
internal import SluiceStages

/// A pass that counts deltas into histograms, and is asked what they say.
package protocol CountingPass: TensorPass {
  /// The names of the stages that stand before the counting.
  var stages: [String] { get }
  /// The looks into bins that may follow.
  var refinements: [RefinePass] { get }
}

extension CountingPass {
  /// The pass, and what may follow it.
  package var withRefinements: [any TensorPass] { [self] + refinements }

  package func graph(_ plan: TensorPlan) -> PassGraph { .lanes(plan, stages + ["count"]) }

  /// About the bytes of the histograms, at most.
  ///
  /// Their file only grows: a tensor that is looked into again is written again.
  func histogramBytes(_ plan: TensorPlan) -> Int {
    let tasks = tasks(plan)
    return refinements.reduce(plan.histogramByteCount(tasks)) {
      $0 + plan.histogramByteCount($1.tasks(among: tasks))
    }
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int { histogramBytes(plan) }

  /// The bytes of tables that a lane counts into.
  func countingBytes(_ sizes: PassSizes) -> Int {
    SurveySink.byteCount(
      modelCount: sizes.modelCount,
      modes: HistogramMode.all(of: sizes.tasks(in: roles), hasTransforms: !stages.isEmpty))
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    countingBytes(sizes) + sizes.unpackingBytes
  }
}

extension TensorPlan {
  /// About the bytes of the histograms of tensors, each written once, at most.
  fileprivate func histogramByteCount(_ tasks: [TensorTask]) -> Int {
    // Of one strip and model at most 40,000 magnitudes or bins, of 16 bytes at most.
    tasks.reduce(0) { sum, task in
      let strips = granularity.stripCount(of: task.elementCount)
      return sum + strips * modelCount * 16 * min(task.elementCount / strips + 1, 40_000)
    }
  }
}
