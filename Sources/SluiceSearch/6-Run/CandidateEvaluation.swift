internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// Takes one candidate through all that is done to it: made, evaluated, recorded, removed.
final class CandidateEvaluation: Sendable {
  let directory: SearchDirectory
  let maker: any CandidateMaker
  let evaluator: Evaluator
  let journal: EvaluationJournal
  let cancellation: Cancellation
  let onEvent: @Sendable (SearchEvent) -> Void
  /// A merge uses all the memory and all the lanes it is allowed: one at a time.
  private let making = Mutex(())

  init(
    maker: any CandidateMaker, evaluator: Evaluator, directory: SearchDirectory,
    journal: EvaluationJournal, cancellation: Cancellation,
    onEvent: @escaping @Sendable (SearchEvent) -> Void
  ) {
    self.maker = maker
    self.evaluator = evaluator
    self.directory = directory
    self.journal = journal
    self.cancellation = cancellation
    self.onEvent = onEvent
  }

  /// Searches, with what earlier searches evaluated in the same output; then nothing of the work is left there.
  ///
  /// - Throws: What the search throws; what was evaluated is kept.
  static func search<Found>(
    in directory: SearchDirectory, maker: any CandidateMaker, evaluator: Evaluator,
    startsOver: Bool, cancellation: Cancellation,
    onEvent: @escaping @Sendable (SearchEvent) -> Void,
    _ search: (CandidateEvaluation) throws -> Found
  ) throws -> Found {
    let journal = try EvaluationJournal(
      in: directory.path, via: directory.work, startsOver: startsOver, cancellation: cancellation)
    do {
      let found = try search(
        CandidateEvaluation(
          maker: maker, evaluator: evaluator, directory: directory, journal: journal,
          cancellation: cancellation, onEvent: onEvent))
      try journal.close()
      try directory.finish()
      return found
    } catch {
      try? journal.close()
      try? directory.removeCandidates()
      // Whoever waited when the search was cancelled only knows that it was.
      throw error is CancelledError ? cancellation.error ?? error : error
    }
  }

  /// Evaluates a candidate; its evaluation is on the disk when this returns.
  func evaluate(
    _ candidate: Candidate, space: Hash128, job: Int, isNeeded: Bool, check: ScoreCheck?
  ) throws -> Evaluation {
    let key = Evaluation.Key(
      space: space, label: candidate.label, evaluator: evaluator.identity)
    // Those of single models are known by the search that asks for them.
    switch candidate.content {
    case .merged, .base, .marked: if let known = journal.earlier[key] { return known }
    case .dense, .amplified: break
    }
    if let tasks = evaluator.tasks {
      let job = CandidateJob(
        candidate: candidate, space: space, isNeeded: isNeeded, check: check)
      return try evaluate([job], tasks)[0].get()
    }
    onEvent(.started(candidate, isNeeded: isNeeded))
    let start = MonotonicTime.now
    let (path, isMade) = try checkpoint(of: candidate, job: job)
    defer { if isMade { try? Directory.remove(path) } }
    let makingSeconds = MonotonicTime.now.seconds(since: start)
    let place = EvaluatorDirectory(job: job, directory: directory.work, cancellation: cancellation)
    let outcome: Evaluator.Outcome
    do throws(Evaluator.Failed) {
      outcome = try evaluator.evaluate(path, candidate, in: place) { scores in
        CandidateEvaluation.problem(scores, check)
      } retrying: { reason in
        onEvent(.retried(candidate, reason: reason))
      } hearing: { line in
        onEvent(.heard(candidate, line))
      }
    } catch {
      switch error {
      case .cancelled: throw CancelledError()
      case .failed(let message, let remedy):
        throw SearchError.evaluator(
          message, model: candidate.model, factors: candidate.factors, remedy: remedy)
      }
    }
    var evaluation = Evaluation(scores: outcome.scores, seconds: outcome.seconds)
    evaluation.makingSeconds = makingSeconds
    evaluation.attempts = outcome.attempts
    try record(evaluation, candidate, key, check)
    return evaluation
  }

  /// An evaluation that an earlier search finished.
  func earlier(_ key: Evaluation.Key) -> Evaluation? { journal.earlier[key] }

  /// Notes an evaluation, and tells of it.
  func record(
    _ evaluation: Evaluation, _ candidate: Candidate, _ key: Evaluation.Key, _ check: ScoreCheck?
  ) throws {
    try journal.add(evaluation, key, model: candidate.model)
    let ratio = check.flatMap { try? $0.domainRatio(of: evaluation.scores).result.get() }
    onEvent(.evaluated(candidate, evaluation, domainRatio: ratio))
  }

  /// Makes a candidate that is to stay.
  func keep(_ candidate: Candidate, at path: String) throws {
    let (made, isMade) = try checkpoint(of: candidate, job: 0, isKept: true)
    guard isMade else { return }
    try Directory.create(Directory.parent(of: path))
    // The name belongs to searches: what an earlier one kept makes way.
    try Directory.remove(path)
    try OutputFile.rename(made, to: path)
  }

  /// The directory of a candidate, and whether it was made for the purpose.
  private func checkpoint(
    of candidate: Candidate, job: Int, isKept: Bool = false
  ) throws -> (String, Bool) {
    if let path = maker.existingPath(of: candidate) { return (Directory.absolute(path), false) }
    let path = directory.candidate(job)
    do {
      try making.withLock { _ in
        try cancellation.check()
        try Directory.remove(path)
        if isKept {
          try maker.makeToKeep(candidate, at: path, cancellation: cancellation)
        } else {
          try maker.make(candidate, at: path, cancellation: cancellation)
        }
      }
    } catch {
      try? Directory.remove(path)
      throw error
    }
    return (path, true)
  }

  /// What is wrong with scores of a candidate, as a clause after "the evaluator".
  static func problem(_ scores: TaskScores, _ check: ScoreCheck?) -> String? {
    guard !scores.tasks.isEmpty else { return "printed no score of any task" }
    guard let check, case .failure(let missing) = check.domainRatio(of: scores).result else {
      return nil
    }
    let names = missing.tasks.map(\.printable).joined(separator: ", ")
    return "printed no score of \(names), which the dense model has"
  }
}
