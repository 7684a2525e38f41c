internal import SluiceCore
internal import SluiceFormats

/// The search for one model's factors: the dense model first, then what the strategy asks for.
struct ModelSearch {
  let name: String
  let space: Hash128
  let denseSpace: Hash128
  let tasks: Set<String>?
  /// What is known of candidates, by their factors.
  private(set) var evaluations: [Factors: Evaluation] = [:]
  private(set) var dense: Evaluation?
  private(set) var check: ScoreCheck?
  private(set) var search: FactorSearch
  private(set) var warnings: [String] = []
  /// What is being evaluated.
  var isDensePending = false
  var pending: Set<Factors> = []

  init(
    name: String, space: Hash128, denseSpace: Hash128, tasks: Set<String>?, search: FactorSearch
  ) {
    self.name = name
    self.space = space
    self.denseSpace = denseSpace
    self.tasks = tasks
    self.search = search
  }

  var finding: FactorSearch.Finding? { check == nil ? nil : search.finding }

  /// What to evaluate next.
  func next(speculating: Bool) -> (content: Candidate.Content, isNeeded: Bool)? {
    guard check != nil else { return isDensePending ? nil : (.dense(model: name), true) }
    guard search.finding == nil else { return nil }
    guard let request = search.requests(limit: 1, pending: pending).first,
      request.isNeeded || speculating
    else { return nil }
    return (.amplified(model: name, request.factors), request.isNeeded)
  }

  /// Takes in what the dense model scored.
  mutating func tellDense(_ evaluation: Evaluation) throws(SearchError) {
    isDensePending = false
    let check = ScoreCheck(dense: evaluation.scores, tasks: tasks)
    guard check.problem == nil else {
      let list = evaluation.scores.names.map {
        "\($0.printable) \(evaluation.scores.tasks[$0] ?? 0)"
      }
      throw .badInput(
        "the dense model has no score above 0 in any task that counts"
          + (list.isEmpty ? "" : " (\(list.joined(separator: ", ")))")
          + ": there is nothing to measure candidates by", model: name,
        remedy: "Visit at the evaluator, and at --tasks; --restart evaluates it again.")
    }
    dense = evaluation
    self.check = check
    warn(check.warnings)
    // What was evaluated before the measure was known.
    for (factors, earlier) in evaluations.sorted(by: { $0.key.description < $1.key.description }) {
      onEvent(factors, earlier)
    }
  }

  /// Takes in what a candidate scored; nil as evaluation for one that could not be evaluated.
  mutating func onEvent(_ factors: Factors, _ evaluation: Evaluation?) {
    pending.remove(factors)
    guard let evaluation else { return search.onEvent(factors, score: 0) }
    evaluations[factors] = evaluation
    guard let check else { return }
    let (result, warnings) = check.domainRatio(of: evaluation.scores)
    warn(warnings)
    if case .success(let ratio) = result { search.onEvent(factors, score: ratio) }
  }

  mutating func warn(_ messages: [String]) {
    for message in messages where !warnings.contains(message) { warnings.append(message) }
  }
}
