/// What happens in a search, told as it does.
package enum SearchEvent: Sendable {
  /// So many finished evaluations of earlier runs apply to the models of this one.
  case resumed(evaluations: Int)
  /// Evaluators of a killed run were still at work, and were ended.
  case endedLeftovers(Int)
  /// A candidate is being made and then evaluated.
  case started(Candidate, isNeeded: Bool)
  /// The evaluator of a candidate wrote a line.
  case heard(Candidate, String)
  /// An attempt failed, and another is made.
  case retried(Candidate, reason: String)
  /// A candidate is evaluated, and the journal has it on the disk.
  case evaluated(Candidate, Evaluation, domainRatio: Double?)
  /// A model's factors are found.
  case found(SearchResult.Model)
  /// Something that should be known.
  case warned(model: String, String)
}
