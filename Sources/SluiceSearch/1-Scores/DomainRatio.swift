internal import Glibc

/// How much of a fine-tuned model's ability a pruned or merged model keeps.
///
/// Formula: the geometric mean, over n tasks, of
///
///     Task-Ratio_j = score_j of the model / score_j of the dense model
///
/// Source: DPPA (arXiv 2403.02799), section 4.2: Per(adj, T_j) -> score, Per(dense, T_j) -> dense
/// score. The text says "square" where the n-th root must be meant: its printed numbers agree with
/// the root, for one task and for two.
///
/// Edge cases: a score of 0 or below gives 0, since a geometric mean has nothing below it; a ratio
/// above 1 counts in full.
package struct DomainRatio: Sendable, Hashable {
  /// The scores of the dense model that the ratio is taken over, all finite and above 0.
  package let dense: [String: Double]

  /// Takes the dense model's scores as the measure.
  package init(dense scores: TaskScores, tasks chosen: Set<String>? = nil) {
    dense = scores.tasks.filter { task in
      task.value.isFinite && task.value > 0 && (chosen?.contains(task.key) ?? true)
    }
  }

  /// The Task-Ratio of each task.
  ///
  /// - Parameter scores: The scores of a model; those of other tasks do not count.
  /// - Returns: The ratios by task, or nil if a task has no score.
  package func taskRatios(of scores: TaskScores) -> [String: Double]? {
    var ratios: [String: Double] = [:]
    for (task, denseScore) in dense {
      guard let score = scores.tasks[task] else { return nil }
      ratios[task] = score / denseScore
    }
    return ratios
  }

  /// The Domain-Ratio of a model.
  ///
  /// - Parameter scores: The scores of the model; those of other tasks do not count.
  /// - Returns: The ratio, 1 for the dense model itself; nil if a task has no score, or no task counts.
  package func value(of scores: TaskScores) -> Double? {
    guard !dense.isEmpty, let ratios = taskRatios(of: scores) else { return nil }
    // In the order of names, so that the same scores give the same last bit.
    var product = 1.0
    for task in ratios.keys.sorted() {
      let ratio = ratios[task] ?? 0
      guard ratio > 0 else { return 0 }
      product *= ratio
    }
    return pow(product, 1 / Double(ratios.count))
  }
}
