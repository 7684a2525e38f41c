internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// A candidate that is to be evaluated, and what for.
struct CandidateJob: Sendable {
  /// The position of the model whose search asked for it.
  var model = 0
  var candidate: Candidate
  /// What decides about its bytes beside its factors.
  var space: Hash128
  /// Whether a search cannot go on without it.
  var isNeeded: Bool
  /// What its scores are held against.
  var check: ScoreCheck?
}

extension CandidateEvaluation {
  /// The evaluations of candidates: those that are known, and the others in one pass, or one after the other
  /// by a command.
  func evaluations(_ jobs: [CandidateJob]) throws -> [Result<Evaluation, any Error>] {
    guard let tasks = evaluator.tasks else {
      return try jobs.map { job in
        do {
          return .success(
            try evaluate(
              job.candidate, space: job.space, job: 0, isNeeded: job.isNeeded, check: job.check))
        } catch let error as SearchError { return .failure(error) }
      }
    }
    var results = jobs.map {
      earlier(key(of: $0)).map { Result<Evaluation, any Error>.success($0) }
    }
    let left = results.indices.filter { results[$0] == nil }
    if !left.isEmpty {
      for (index, result) in zip(left, try evaluate(left.map { jobs[$0] }, tasks)) {
        results[index] = result
      }
    }
    return results.compactMap(\.self)
  }

  private func key(of job: CandidateJob) -> Evaluation.Key {
    Evaluation.Key(
      space: job.space, label: job.candidate.label, evaluator: evaluator.identity)
  }

  /// Evaluates candidates in one pass over what they are made of; nothing is written for them, and their
  /// evaluations are on the disk when this returns.
  ///
  /// - Returns: The evaluation of each, or why there is none.
  /// - Throws: `CancelledError`.
  func evaluate(
    _ jobs: [CandidateJob], _ tasks: TaskEvaluator
  ) throws -> [Result<Evaluation, any Error>] {
    for job in jobs { onEvent(.started(job.candidate, isNeeded: job.isNeeded)) }
    do {
      return try scores(jobs, tasks)
    } catch  where jobs.count > 1 && !cancellation.isCancelled {
      // One of them cannot be computed: each by itself says which.
      return try jobs.map { job in
        do { return try scores([job], tasks)[0] } catch  where !cancellation.isCancelled {
          return .failure(error)
        }
      }
    } catch  where !cancellation.isCancelled {
      return [.failure(error)]
    }
  }

  private func scores(
    _ jobs: [CandidateJob], _ tasks: TaskEvaluator
  ) throws -> [Result<Evaluation, any Error>] {
    do {
      let found = try tasks.scores(
        jobs.map(\.candidate), maker, state: directory.evaluation, cancellation)
      return try zip(jobs, found).map { job, found in
        let candidate = job.candidate
        if let problem = CandidateEvaluation.problem(found.scores, job.check) {
          return .failure(
            SearchError.evaluator(problem, model: candidate.model, factors: candidate.factors))
        }
        let evaluation = Evaluation(scores: found.scores, seconds: found.seconds)
        try record(evaluation, candidate, key(of: job), job.check)
        return .success(evaluation)
      }
    } catch let error as any SluiceError {
      guard !cancellation.isCancelled, let job = jobs.first else { throw CancelledError() }
      let subject = error.failure.subject.description
      throw SearchError.evaluator(
        "failed: \(subject.isEmpty ? "" : "\(subject): ")\(error.failure.message)",
        model: job.candidate.model, factors: job.candidate.factors, remedy: error.failure.remedy)
    }
  }
}
