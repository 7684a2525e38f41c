internal import ArgumentParser
internal import SluiceCore
internal import SluiceSearch

extension FactorSearch.Strategy: ExpressibleByArgument {}
extension FactorSearch.Method: ExpressibleByArgument {}
extension SearchOptions.FailurePolicy: ExpressibleByArgument {}
extension SearchOptions.Keep: ExpressibleByArgument {}

/// The options that say how factors are searched.
struct SearchControls: ParsableArguments {
  @Option(
    name: .customLong("model"),
    help: ArgumentHelp("Search this model only; repeat for more.", valueName: "name"))
  var models: [String] = []

  @Option(help: "How candidates are chosen.")
  var strategy: FactorSearch.Strategy = .paper

  @Option(help: "Outer partitions absent (1), present (2), the better of both, or by the 5 % rule.")
  var method: FactorSearch.Method = .best

  @Option(help: "The distance between factors.")
  var step = FactorGrid.standardStep

  @Option(
    help:
      "The last factor to try, below 1 to go down; 5 (golden 2, dare 0.1) if not given."
  )
  var bound: Double?

  @Option(help: "How many candidates in a row may fail to improve.")
  var patience = 1

  @Option(help: "The most candidates of the joint strategy; 6 and 8 for each number if not given.")
  var evaluations: Int?

  @Option(
    help: ArgumentHelp(
      "The tasks that count for a model; all if not given.", valueName: "name=t1,t2,..."))
  var tasks: [NamedValue] = []

  @Option(help: "How many candidates are evaluated at once.")
  var jobs = 1

  @Option(help: "Whether idle jobs try candidates that may turn out not to be needed.")
  var speculate: Switch = .on

  @Option(help: ArgumentHelp("The most seconds an evaluation may take.", valueName: "seconds"))
  var timeLimit: Double?

  @Option(help: "How many times a failed evaluation is repeated.")
  var retries = 1

  @Option(help: "What an evaluation means that failed for good: stop, or the worst of scores.")
  var onFailure: SearchOptions.FailurePolicy = .stop

  @Option(help: "The disk space for candidates; what the jobs need if not given.")
  var disk: ByteCount?

  @Option(help: "Which candidates stay, under OUT/best.")
  var keep: SearchOptions.Keep = .none

  @Flag(
    help: "Evaluate the merge of all models with the factors that were found, and the base, too.")
  var evaluateMerge = false

  @Flag(help: "Throw all that was evaluated away and start over.")
  var restart = false

  /// The options of the search.
  func options() throws -> SearchOptions {
    var options = SearchOptions()
    options.models = models
    options.strategy = strategy
    options.method = method
    options.step = step
    options.bound = bound
    options.patience = patience
    if let evaluations {
      guard strategy == .joint, (1...100_000).contains(evaluations) else {
        throw UsageError(
          "--evaluations bounds the joint strategy, and lies in 1 ... 100000",
          remedy: "Add --strategy joint; the others end by themselves.")
      }
      options.limit = evaluations
    }
    for (name, same) in Dictionary(grouping: tasks, by: \.name) where same.count > 1 {
      throw UsageError("--tasks is given \(same.count) times for model \(name)")
    }
    for option in tasks {
      options.tasks[option.name] = Set(option.value.split(separator: ",").map { String($0) })
    }
    options.jobs = jobs
    options.speculates = speculate == .on
    options.onFailure = onFailure
    options.diskLimit = disk
    options.keep = keep
    options.evaluatesMerge = evaluateMerge
    options.startsOver = restart
    return options
  }

  /// The evaluator with its limits.
  func evaluator(_ text: String) throws -> Evaluator {
    var evaluator = try Evaluator(text)
    if let timeLimit {
      guard timeLimit > 0, timeLimit <= 1e9 else {
        throw UsageError("the time limit must be above 0 seconds; it is \(timeLimit)")
      }
      evaluator.timeLimit = timeLimit
    }
    guard (0...1000).contains(retries) else {
      throw UsageError("the number of retries must lie in 0 ... 1000; it is \(retries)")
    }
    evaluator.retries = retries
    return evaluator
  }
}
