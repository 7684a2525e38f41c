/// What an evaluator says of a model: a score for each task, higher is better.
package struct TaskScores: Sendable, Hashable {
  /// The scores by the names of the tasks.
  package var tasks: [String: Double]

  /// Collects scores.
  package init(_ tasks: [String: Double]) { self.tasks = tasks }

  /// The names in order.
  package var names: [String] { tasks.keys.sorted() }
}
