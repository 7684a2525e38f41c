internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
package import SluiceRecipe

/// The search for numbers that are marked in a recipe, by the scores of the merge itself: the mean of those of
/// all tasks.
package struct MarkedSearch: Sendable {
  private let marked: MarkedRecipe
  private let evaluator: Evaluator
  private let options: SearchOptions
  private let maker: MarkedCandidates
  private let output: String
  private let cancellation: Cancellation
  private let onEvent: @Sendable (SearchEvent) -> Void

  /// Prepares a search.
  ///
  /// - Parameters:
  ///   - marked: The recipe.
  ///   - evaluator: What scores merges.
  ///   - options: How it is searched.
  ///   - making: How merges are run.
  ///   - output: The directory of the result.
  ///   - cancellation: What ends the search before its time.
  ///   - onEvent: Told what happens, from any thread.
  package init(
    _ marked: MarkedRecipe, evaluator: Evaluator, options: SearchOptions, making: RunOptions,
    output: String, cancellation: Cancellation = Cancellation(),
    onEvent: @escaping @Sendable (SearchEvent) -> Void = { _ in }
  ) {
    (self.marked, self.evaluator, self.options) = (marked, evaluator, options)
    (self.output, self.cancellation, self.onEvent) = (output, cancellation, onEvent)
    maker = MarkedCandidates(marked, options: making)
  }

  /// Searches to the end, or goes on to the end with what earlier searches evaluated.
  ///
  /// - Returns: What was found; it also lies in the output.
  /// - Throws: A `SluiceError` that says what failed. What was evaluated is kept.
  package func execute() throws -> SearchResult {
    let first = try maker.recipe(marked.marks.map(\.first))
    guard options.strategy == .joint, options.models.isEmpty, options.tasks.isEmpty else {
      throw SearchError.usage(
        "numbers that are marked are searched all together, for the merge of all models",
        remedy: "Give --strategy joint, and neither --model nor --tasks.")
    }
    try SearchRun.checkOutput(output, first, options.keep == .best ? ["merged"] : [])
    return try CandidateEvaluation.search(
      in: SearchDirectory.begin(output, onEvent), maker: maker, evaluator: evaluator,
      startsOver: options.startsOver, cancellation: cancellation, onEvent: onEvent, search)
  }

  private func search(_ bench: CandidateEvaluation) throws -> SearchResult {
    guard let grid = FactorGrid() else { preconditionFailure("the usual grid is one") }
    var settings = FactorSearch.Settings(grid: grid)
    settings.strategy = .joint
    settings.axes = marked.marks.map(axis)
    (settings.patience, settings.limit) = (options.patience, options.limit)
    var search = FactorSearch(settings, partitionCount: marked.marks.count)
    var evaluations: [Factors: Evaluation] = [:]
    while search.finding == nil {
      for (values, evaluation) in try evaluate(search, bench) {
        evaluations[values] = evaluation
        search.onEvent(values, score: evaluation.map { MarkedSearch.score($0.scores) } ?? 0)
      }
    }
    guard let finding = search.finding else { preconditionFailure("a search that has ended") }
    let result = result(finding, search, evaluations)
    onEvent(.found(result.models[0]))
    let recipe = try maker.recipe(finding.factors.values)
    try SearchRun.write(
      result, recipe, WrittenPaths(options.recipePaths, from: bench.directory.path),
      to: bench.directory)
    if options.keep == .best {
      try bench.keep(
        Candidate(.marked(finding.factors)),
        at: "\(bench.directory.path)/\(SearchResult.bestName)/merged")
    }
    return result
  }

  /// Evaluates all that the search cannot go on without, and guesses where there is room for more.
  private func evaluate(
    _ search: FactorSearch, _ bench: CandidateEvaluation
  ) throws -> [(Factors, Evaluation?)] {
    let all = search.requests(limit: 256)
    let needed = all.filter(\.isNeeded)
    let isTogether = bench.evaluator.tasks != nil
    let guesses = options.speculates && isTogether ? max(options.jobs - needed.count, 0) : 0
    let jobs = try (needed + all.filter { !$0.isNeeded }.prefix(guesses)).map { request in
      let candidate = Candidate(.marked(request.factors))
      return CandidateJob(
        candidate: candidate, space: try maker.identity(of: candidate), isNeeded: request.isNeeded)
    }
    return try zip(jobs, bench.evaluations(jobs)).map { job, result in
      guard case .marked(let values) = job.candidate.content else {
        preconditionFailure("a candidate without numbers")
      }
      do {
        return (values, try result.get())
      } catch let error as SearchError
        where options.onFailure == .worst && error.failure.exitCode == .stopped
      {
        onEvent(.warned(model: "merged", "\(values) count as the worst: \(error.failure.message)"))
        return (values, nil)
      }
    }
  }

  /// The mean of all tasks; one that is no number counts as 0.
  static func score(_ scores: TaskScores) -> Double {
    let values = scores.names.map { scores.tasks[$0] ?? 0 }.map { $0.isFinite ? $0 : 0 }
    return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  private func result(
    _ finding: FactorSearch.Finding, _ search: FactorSearch, _ evaluations: [Factors: Evaluation]
  ) -> SearchResult {
    let steps = finding.path.map { step in
      SearchResult.Step(
        method: step.method, factors: step.factors,
        tasks: evaluations[step.factors]?.scores ?? TaskScores([:]),
        domainRatio: search.scores[step.factors] ?? 0,
        seconds: evaluations[step.factors]?.seconds ?? 0)
    }
    let best = steps.first { $0.factors == finding.factors }
    var warnings: [String] = []
    for (mark, value) in zip(marked.marks, finding.factors.values)
    where [0, mark.count - 1].contains(where: { value == axis(mark).value($0) }) {
      warnings.append("\(mark.name) lies at an end of its range: the best may lie beyond it")
    }
    let model = SearchResult.Model(
      name: "merged", method: finding.method, partitionRates: [], factors: finding.factors,
      domainRatio: best?.domainRatio ?? finding.score, dense: TaskScores([:]), trajectory: steps,
      otherEvaluations: search.scores.count - steps.count, warnings: warnings)
    return SearchResult(
      evaluator: evaluator.text, prune: "", strategy: options.strategy.rawValue, step: 0, bound: 0,
      models: [model], numbers: marked.marks.map(\.name))
  }

  private func axis(_ mark: MarkedRecipe.Mark) -> SearchAxis {
    SearchAxis(first: mark.first, step: mark.step, count: mark.count)
  }
}
