internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRun
package import SluiceRecipe

/// A whole search: candidates are made, evaluated, recorded and removed until every model's factors
/// are found.
package struct SearchRun: Sendable {
  private let recipe: MergeRecipe
  private let evaluator: Evaluator
  private let options: SearchOptions
  private let maker: any CandidateMaker
  private let output: String
  private let cancellation: Cancellation
  private let onEvent: @Sendable (SearchEvent) -> Void

  /// Prepares a search; nothing is written yet.
  package init(
    _ recipe: MergeRecipe, evaluator: Evaluator, options: SearchOptions,
    maker: any CandidateMaker, output: String, cancellation: Cancellation = Cancellation(),
    onEvent: @escaping @Sendable (SearchEvent) -> Void = { _ in }
  ) {
    self.recipe = recipe
    self.evaluator = evaluator
    self.options = options
    self.maker = maker
    self.output = output
    self.cancellation = cancellation
    self.onEvent = onEvent
  }

  /// Searches to the end, or goes on to the end with what earlier searches evaluated.
  ///
  /// - Returns: What was found; it also lies in the output.
  /// - Throws: A `SluiceError` that says what failed. What was evaluated is kept.
  package func execute() throws -> SearchResult {
    let setup = try SearchSetup(recipe, options)
    let spaces = try setup.models.map { model in
      (
        dense: try maker.identity(of: Candidate(.dense(model: model.name))),
        own: try maker.identity(of: Candidate(.amplified(model: model.name, Factors([]))))
      )
    }
    try SearchRun.checkOutput(
      output, recipe, options.keep == .best ? setup.models.map(\.name) : [])
    let directory = try SearchDirectory.begin(output, onEvent)
    let jobs =
      evaluator.tasks == nil
      ? try DiskQuota(setup, maker, directory).jobs(onEvent) : options.jobs
    return try CandidateEvaluation.search(
      in: directory, maker: maker, evaluator: evaluator, startsOver: options.startsOver,
      cancellation: cancellation, onEvent: onEvent
    ) { bench in
      var models = zip(setup.models, spaces).map { model, space in
        ModelSearch(
          name: model.name, space: space.own, denseSpace: space.dense,
          tasks: options.tasks[model.name],
          search: FactorSearch(setup.settings, partitionCount: model.rates.count))
      }
      try recall(&models, from: bench.journal)
      let board = JobScheduler(models, options: options, bench: bench)
      try board.run(jobs: jobs)
      return try conclude(board.models, setup, bench)
    }
  }

  /// Refuses to write into a model, or over files of the names of results that no search made.
  ///
  /// - Parameters:
  ///   - output: The output.
  ///   - recipe: The recipe.
  ///   - kept: The names of candidates that are kept.
  /// - Throws: `SearchError` that says what is in the way.
  static func checkOutput(_ output: String, _ recipe: MergeRecipe, _ kept: [String]) throws {
    guard let place = try? Directory.resolve(output) else { return }
    for path in [recipe.base] + recipe.models.map(\.path)
    where (try? Directory.resolve(path)) == place {
      throw SearchError.usage(
        "the output \(output) is an input of the search",
        remedy: "Choose another --out: inputs are never written to.")
    }
    // Where there is a journal, searches were here before, and their results make way.
    guard try FileStatus.of("\(output)/\(EvaluationJournal.fileName)") == nil else { return }
    let results =
      [SearchResult.fileName, SearchResult.recipeName]
      + kept.map { "\(SearchResult.bestName)/\($0)" }
    let foreign = try results.filter {
      try FileStatus.of("\(output)/\($0)", followingLinks: false) != nil
    }
    guard foreign.isEmpty else {
      throw SearchError.usage(
        "the output \(output.printable) already holds "
          + foreign.map(\.printable).joined(separator: ", "),
        remedy: "Choose another --out, or remove \(foreign.count == 1 ? "it" : "them") first.")
    }
  }

  /// Tells the searches what earlier ones evaluated.
  private func recall(
    _ models: inout [ModelSearch], from journal: EvaluationJournal
  ) throws(SearchError) {
    var count = 0
    for index in models.indices {
      let earlier = journal.earlier.sorted { $0.key.label < $1.key.label }
      for (key, evaluation) in earlier where key.evaluator == evaluator.identity {
        if key.space == models[index].space {
          let values = key.label.split(separator: ",").map { Double($0) }
          guard !values.contains(nil), !values.isEmpty else { continue }
          models[index].onEvent(Factors(values.compactMap(\.self)), evaluation)
          count += 1
        }
      }
      let dense = Evaluation.Key(
        space: models[index].denseSpace, label: "dense", evaluator: evaluator.identity)
      if let evaluation = journal.earlier[dense] {
        count += 1
        try models[index].tellDense(evaluation)
      }
    }
    if count > 0 { onEvent(.resumed(evaluations: count)) }
  }

  /// Writes the results.
  private func conclude(
    _ models: [ModelSearch], _ setup: SearchSetup, _ bench: CandidateEvaluation
  ) throws -> SearchResult {
    let found = zip(models, setup.models).compactMap { search, model in
      SearchResult.Model(search, rates: model.rates, grid: setup.settings.grid)
    }
    for model in found { onEvent(.found(model)) }
    var result = SearchResult(
      evaluator: evaluator.text, prune: recipe.method.pruning.rawValue,
      strategy: options.strategy.rawValue, step: setup.settings.grid.step,
      bound: setup.settings.grid.bound, models: found)
    // What was found must not be lost if what comes after it fails.
    let directory = bench.directory
    try write(result, to: directory)
    if options.evaluatesMerge {
      result.merged = try merged(result, models, bench)
      result.base = try base(models, bench)
      try write(result, to: directory)
    }
    if options.keep == .best {
      for model in found {
        try bench.keep(
          Candidate(.amplified(model: model.name, model.factors)),
          at: "\(directory.path)/\(SearchResult.bestName)/\(model.name)")
      }
    }
    return result
  }

  private func write(_ result: SearchResult, to directory: SearchDirectory) throws {
    try SearchRun.write(
      result, result.applied(to: recipe), WrittenPaths(options.recipePaths, from: directory.path),
      to: directory)
  }

  /// Writes what was found, and the recipe with it.
  static func write(
    _ result: SearchResult, _ recipe: MergeRecipe, _ paths: WrittenPaths,
    to directory: SearchDirectory
  ) throws {
    let text = recipe.resolvedText(paths)
    try AtomicFile.write(
      Array(text.utf8), to: "\(directory.path)/\(SearchResult.recipeName)", via: directory.work)
    try AtomicFile.write(
      result.json, to: "\(directory.path)/\(SearchResult.fileName)", via: directory.work)
  }

  /// Evaluates the merge with the factors that were found.
  private func merged(
    _ result: SearchResult, _ models: [ModelSearch], _ bench: CandidateEvaluation
  ) throws -> SearchResult.Merged {
    var factors: [String: Factors] = [:]
    for model in result.applied(to: recipe).models {
      factors[model.name] = Factors(model.amplification)
    }
    let candidate = Candidate(.merged(factors))
    let evaluation = try bench.evaluate(
      candidate, space: try maker.identity(of: candidate), job: 0, isNeeded: true, check: nil)
    var ratios: [String: Double] = [:]
    for model in models {
      guard let check = model.check else { continue }
      let (ratio, warnings) = check.domainRatio(of: evaluation.scores)
      if case .success(let value) = ratio { ratios[model.name] = value }
      for warning in warnings { onEvent(.warned(model: "merged", warning)) }
    }
    return SearchResult.Merged(
      tasks: evaluation.scores, domainRatios: ratios, seconds: evaluation.seconds)
  }
}

extension SearchRun {
  /// Evaluates the base, where it can be handed to an evaluator as it is.
  private func base(
    _ models: [ModelSearch], _ bench: CandidateEvaluation
  ) throws -> TaskScores? {
    let candidate = Candidate(.base)
    guard let name = models.first?.name, maker.existingPath(of: candidate) != nil else {
      return nil
    }
    // What a model's candidates are made of, the base is among.
    let space = try maker.identity(of: Candidate(.dense(model: name)))
    return try bench.evaluate(candidate, space: space, job: 0, isNeeded: true, check: nil).scores
  }
}

extension SearchResult.Model {
  /// Puts together what a search found; nil if it has not ended.
  init?(_ search: ModelSearch, rates: [PruningRate], grid: FactorGrid) {
    guard let finding = search.finding, let dense = search.dense else { return nil }
    let steps = finding.path.map { step in
      let evaluation = search.evaluations[step.factors]
      return SearchResult.Step(
        method: step.method, factors: step.factors,
        tasks: evaluation?.scores ?? TaskScores([:]),
        domainRatio: search.search.scores[step.factors] ?? 0, seconds: evaluation?.seconds ?? 0)
    }
    self.init(
      name: search.name, method: finding.method, partitionRates: rates.map(\.value),
      factors: finding.factors, domainRatio: finding.score, dense: dense.scores,
      trajectory: steps, otherEvaluations: search.search.scores.count - steps.count,
      warnings: search.warnings)
    let last = grid.factor(grid.count - 1)
    for (partition, factor) in finding.factors.values.enumerated() where factor == last {
      warnings.append(
        "the factor of partition \(partition + 1) lies at the bound \(last): the best may lie beyond "
          + "it (--bound)")
    }
    func percent(_ ratio: Double) -> String { "\((ratio * 10000).rounded() / 100) %" }
    if let top = steps.max(by: { $0.domainRatio < $1.domainRatio }),
      top.domainRatio > finding.score
    {
      warnings.append(
        "factors \(top.factors) scored higher on the way (\(percent(top.domainRatio)) against "
          + "\(percent(finding.score)))"
          + (top.factors.values.contains(0) ? ": they leave a partition out" : ""))
    }
  }
}
