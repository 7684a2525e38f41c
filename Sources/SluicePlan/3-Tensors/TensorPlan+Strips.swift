package import SluiceStages

/// The strips of tensors.
extension TensorPlan {
  /// All strips of all tensors.
  package var strips: some Sequence<Strip> {
    tasks.lazy.flatMap { strips($0) }
  }

  /// The strips of a tensor.
  package func strips(_ task: TensorTask) -> some Sequence<Strip> {
    (0..<granularity.stripCount(of: task.elementCount)).lazy.map { index in
      Strip(task, index: index, granularity: granularity)
    }
  }

  /// The ordinals of a tensor's strips.
  package func strips(of task: TensorTask) -> Range<Int> {
    task.firstStrip..<(task.firstStrip + granularity.stripCount(of: task.elementCount))
  }

  /// The bytes of models in those strips of tensors that are finished.
  package func inputByteCount(_ tasks: [TensorTask], _ isFinished: (Int) -> Bool) -> Int {
    tasks.reduce(0) { sum, task in
      strips(task).filter { isFinished($0.ordinal) }.reduce(sum) { $0 + $1.inputByteCount }
    }
  }
}
