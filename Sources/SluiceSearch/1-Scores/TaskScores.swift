/// What an evaluator says of a model: a score for each task, higher is better.
public struct TaskScores: Sendable, Hashable {
  /// The scores by the names of the tasks.
  public var tasks: [String: Double]

  /// Collects scores.
  ///
  /// - Parameter tasks: The scores by the names of the tasks.
  public init(_ tasks: [String: Double]) { self.tasks = tasks }

  /// The names in order.
  public var names: [String] { tasks.keys.sorted() }
}
