package import SluiceCore
internal import SluiceDataflow
package import SluiceEvaluate
internal import SluiceFormats
internal import Synchronization

/// Scores checkpoints on task files, in this process and in constant memory: an evaluator that is no command.
package final class TaskEvaluator: Sendable {
  /// The tasks.
  let tasks: [TaskFile]
  private let threads: Int
  private let memory: ByteCount
  private let scratch: String
  /// An evaluation uses all the memory and all the lanes it is allowed: one at a time.
  private let working = Mutex(())

  /// Takes tasks.
  ///
  /// - Parameters:
  ///   - tasks: The tasks.
  ///   - threads: How many lanes may compute.
  ///   - memory: The budget.
  ///   - scratch: Where activations go that do not fit.
  package init(_ tasks: [TaskFile], threads: Int, memory: ByteCount, scratch: String) {
    (self.tasks, self.threads, self.memory, self.scratch) = (tasks, threads, memory, scratch)
  }

  /// What messages and results call it.
  var text: String { "sluice evaluate --tasks \(tasks.map(\.path).joined(separator: " "))" }

  /// Evaluations on other examples say nothing about these, wherever the files lie.
  var identity: Hash128 {
    let parts = tasks.map { "\($0.name) \($0.hash.hexadecimal)" }
    return Hash128(of: Array("sluice evaluate 1\n\(parts.joined(separator: "\n"))".utf8))
  }

  /// Scores a checkpoint: exact matches of answers, right choices.
  func scores(_ path: String, _ cancellation: Cancellation) throws -> TaskScores {
    try working.withLock { _ in
      let plan = try EvaluationPlan(
        [EvaluatedModel.open(path)], tasks, threads: threads,
        budget: EvaluationBudget(memory, recipeCount: 0), scratch: scratch)
      let result = try EvaluationRun(plan, cancellation: cancellation).run()
      var scores: [String: Double] = [:]
      for task in result.models[0].tasks { scores[task.name] = task.score }
      return TaskScores(scores)
    }
  }
}

extension TaskEvaluator: Hashable {
  /// Whether both score the same.
  package static func == (a: TaskEvaluator, b: TaskEvaluator) -> Bool { a.identity == b.identity }

  /// Hashes what tells evaluators apart.
  package func hash(into hasher: inout Hasher) { hasher.combine(identity) }
}
