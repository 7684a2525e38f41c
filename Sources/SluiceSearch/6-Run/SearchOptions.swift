package import SluiceCore
package import SluiceRecipe

/// What a user can set of a search beside the recipe and the evaluator.
package struct SearchOptions: Sendable, Hashable {
  /// What becomes of a search when a candidate cannot be evaluated.
  package enum FailurePolicy: String, Sendable, Hashable, CaseIterable {
    /// It ends, resumable.
    case stop
    /// The candidate counts as the worst.
    case worst
  }

  /// What stays of the candidates.
  package enum Keep: String, Sendable, Hashable, CaseIterable {
    /// Nothing.
    case none
    /// The best of each model.
    case best
  }

  /// How candidates are chosen.
  package var strategy = FactorSearch.Strategy.paper
  /// What becomes of outer partitions while inner ones are tuned.
  package var method = FactorSearch.Method.best
  /// The distance between factors (the paper's gamma).
  package var step = FactorGrid.standardStep
  /// The last factor that may be tried; if nil, that which suits the pruning.
  package var bound: Double?
  /// How many candidates in a row may fail to improve.
  package var patience = 1
  /// The most candidates of the joint strategy; what is usual if nil.
  package var limit: Int?
  /// The models whose factors are searched; all if empty.
  package var models: [String] = []
  /// The tasks that count for a model; all where nothing is said.
  package var tasks: [String: Set<String>] = [:]
  /// How many evaluators run at once.
  package var jobs = 1
  /// Whether places that would be idle try candidates that may turn out not to be needed.
  package var speculates = true
  /// What a failing evaluator means.
  package var onFailure = FailurePolicy.stop
  /// The disk space that candidates may take at once; what the jobs need if nil.
  package var diskLimit: ByteCount?
  /// What stays of the candidates.
  package var keep = Keep.none
  /// Whether the merge with the factors that were found is evaluated, too.
  package var evaluatesMerge = false
  /// How the recipe in the output names what lies on this machine.
  package var recipePaths = WrittenPaths.Form.relative
  /// Whether earlier evaluations are thrown away.
  package var startsOver = false

  /// The paper's search, one candidate at a time.
  package init() {}
}
