package import SluiceStages

/// The strips of tensors.
extension TensorPlan {
  /// All strips of all tensors.
  package var strips: some Sequence<Strip> {
    // What is captured is kept once for each tensor: the plan would be much.
    tasks.lazy.flatMap { [granularity] in $0.strips(granularity) }
  }

  /// The strips of a tensor.
  package func strips(_ task: TensorTask) -> some Sequence<Strip> { task.strips(granularity) }

  /// The ordinals of a tensor's strips.
  package func strips(of task: TensorTask) -> Range<Int> {
    task.firstStrip..<(task.firstStrip + granularity.stripCount(of: task.elementCount))
  }

  /// Whether a strip is merged by somebody else.
  package func isElsewhere(_ strip: Int) -> Bool { ownStrips.map { !$0.contains(strip) } ?? false }

  /// The strips that are merged.
  package var mergedStrips: some Sequence<Strip> {
    strips.lazy.filter { !isElsewhere($0.ordinal) }
  }

  /// The bytes that a pass over tensors reads.
  ///
  /// - Parameter tasks: The tensors.
  /// - Returns: The number of bytes of all models.
  package static func inputByteCount(_ tasks: [TensorTask]) -> Int {
    tasks.reduce(0) { $0 + $1.inputByteCount }
  }

  /// The bytes of models in those strips of tensors that are finished.
  package func inputByteCount(_ tasks: [TensorTask], _ isFinished: (Int) -> Bool) -> Int {
    tasks.reduce(0) { sum, task in
      strips(task).filter { isFinished($0.ordinal) }.reduce(sum) { $0 + $1.inputByteCount }
    }
  }
}

extension TensorTask {
  /// The strips of the tensor.
  fileprivate func strips(_ granularity: Granularity) -> LazyMapSequence<Range<Int>, Strip> {
    (0..<granularity.stripCount(of: elementCount)).lazy.map { index in
      Strip(self, index: index, granularity: granularity)
    }
  }
}
