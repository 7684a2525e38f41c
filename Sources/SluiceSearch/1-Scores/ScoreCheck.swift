internal import SluiceCore

/// Holds what an evaluator says of candidates against what it said of the dense model.
package struct ScoreCheck: Sendable {
  /// What is wrong with scores.
  package enum Problem: Sendable, Hashable {
    /// Tasks that the dense model had scores for have none.
    case vanished([String])
    /// The dense model has no score that a ratio could be taken over.
    case noTask
  }

  /// The measure.
  package let ratio: DomainRatio
  /// What is to be said about the dense model's scores.
  package let warnings: [String]
  private let denseTasks: Set<String>

  /// Looks at the scores of the dense model.
  package init(dense scores: TaskScores, tasks chosen: Set<String>? = nil) {
    ratio = DomainRatio(dense: scores, tasks: chosen)
    denseTasks = Set(scores.tasks.keys)
    var warnings: [String] = []
    for name in scores.names where chosen?.contains(name) ?? true {
      guard ratio.dense[name] == nil, let score = scores.tasks[name] else { continue }
      let reason =
        score == 0 ? "has a score of 0" : score < 0 ? "has a score below 0" : "has no finite score"
      warnings.append(
        "the dense model \(reason) in task \(name.printable): there is no Task-Ratio over it, and "
          + "the task is left out")
    }
    for name in (chosen ?? []).subtracting(denseTasks).sorted() {
      warnings.append("the evaluator has no task \(name.printable); it is left out")
    }
    self.warnings = warnings
  }

  /// Whether there is anything to measure with.
  package var problem: Problem? { ratio.dense.isEmpty ? .noTask : nil }

  /// Looks at the scores of a candidate.
  ///
  /// - Parameter scores: The scores.
  /// - Returns: Its Domain-Ratio, or what is wrong; and what is to be said about it.
  package func domainRatio(
    of scores: TaskScores
  ) -> (result: Result<Double, Missing>, warnings: [String]) {
    var warnings: [String] = []
    let vanished = ratio.dense.keys.filter { scores.tasks[$0] == nil }.sorted()
    guard vanished.isEmpty, let value = ratio.value(of: finite(scores)) else {
      return (.failure(Missing(tasks: vanished)), [])
    }
    for name in scores.names where ratio.dense[name] != nil {
      guard let score = scores.tasks[name], !(score > 0 && score.isFinite) else { continue }
      if !score.isFinite {
        warnings.append("the score of task \(name.printable) is \(score): it counts as 0")
      } else if score < 0 {
        warnings.append("the score of task \(name.printable) is below 0: it counts as 0")
      }
    }
    for name in scores.names where !denseTasks.contains(name) {
      warnings.append(
        "task \(name.printable) has no score of the dense model: it does not count")
    }
    return (.success(value), warnings)
  }

  /// The tasks that a model has no score for.
  package struct Missing: Error, Hashable {
    /// Their names.
    package let tasks: [String]
  }

  /// A score that is no number is that of a model that cannot do the task at all.
  private func finite(_ scores: TaskScores) -> TaskScores {
    TaskScores(scores.tasks.mapValues { $0.isFinite ? $0 : 0 })
  }
}
