package import SluiceCore
internal import SluiceDataflow
package import SluiceEvaluate
internal import SluiceFormats

/// Scores checkpoints on task files, in this process and in constant memory: an evaluator that is no command.
package final class TaskEvaluator: Sendable {
  /// The tasks.
  let tasks: [TaskFile]
  private let threads: Int
  private let memory: ByteCount
  private let scratch: String

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

  /// Scores candidates in one pass over what they are made of: exact matches of answers, right choices.
  ///
  /// - Parameters:
  ///   - candidates: The candidates.
  ///   - maker: What knows their models.
  ///   - state: Where finished layers are kept, so that a search that was killed goes on from them.
  ///   - cancellation: What ends the work before its time.
  /// - Returns: The scores of each, and the seconds that it took on the average.
  /// - Throws: What keeps one of them from being computed.
  func scores(
    _ candidates: [Candidate], _ maker: any CandidateMaker, state: String,
    _ cancellation: Cancellation
  ) throws -> [(scores: TaskScores, seconds: Double)] {
    let merging = EvaluationBudget(memory, recipeCount: candidates.count).merging
    let models = try candidates.map {
      try maker.model(of: $0, memory: merging, scratch: scratch, cancellation: cancellation)
    }
    var found: [(scores: TaskScores, seconds: Double)?] = models.map { _ in nil }
    // Models with other vocabularies cannot go through together.
    while let first = found.firstIndex(where: { $0 == nil }) {
      let group = found.indices.filter {
        found[$0] == nil && models[$0].shape == models[first].shape
      }
      let plan = try EvaluationPlan(
        group.map { models[$0] }, tasks, threads: threads,
        budget: EvaluationBudget(
          memory, recipeCount: group.count { maker.existingPath(of: candidates[$0]) == nil }),
        scratch: scratch)
      // What another pass left there is of no use.
      if try !EvaluationRun.canResume(plan, from: state) { try Directory.remove(state) }
      let result = try EvaluationRun(plan, keepingIn: state, cancellation: cancellation).run()
      for (index, model) in zip(group, result.models) {
        let scores = Dictionary(uniqueKeysWithValues: model.tasks.map { ($0.name, $0.score) })
        found[index] = (TaskScores(scores), result.seconds / Double(group.count))
      }
    }
    return found.compactMap(\.self)
  }
}

extension TaskEvaluator: Hashable {
  /// Whether both score the same.
  package static func == (a: TaskEvaluator, b: TaskEvaluator) -> Bool { a.identity == b.identity }

  /// Hashes what tells evaluators apart.
  package func hash(into hasher: inout Hasher) { hasher.combine(identity) }
}
