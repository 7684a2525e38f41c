internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// Hands candidates to the places that evaluate them, and their scores to the searches.
final class JobScheduler: Sendable {
  private struct State: Sendable {
    var models: [ModelSearch]
    var atWork = 0
    var error: (any Error)?
  }

  private let state: Monitor<State>
  private let options: SearchOptions
  private let bench: CandidateEvaluation

  init(_ models: [ModelSearch], options: SearchOptions, bench: CandidateEvaluation) {
    state = Monitor(State(models: models))
    self.options = options
    self.bench = bench
  }

  /// The searches as they are.
  var models: [ModelSearch] { state.withLock { $0.models } }

  /// Works until every search has ended, or one thing went wrong.
  func run(jobs: Int) throws {
    if let tasks = bench.evaluator.tasks { return try run(tasks) }
    var threads: [NamedThread] = []
    for job in 0..<jobs {
      do {
        threads.append(try NamedThread(name: "evaluate \(job)") { self.work(job) })
      } catch {
        state.withLock { $0.error = $0.error ?? error }
        break
      }
    }
    for thread in threads { thread.join() }
    if let error = state.withLock({ $0.error }) { throw error }
  }

  /// Evaluates all that the searches ask for in one pass, then what they ask for next.
  private func run(_ tasks: TaskEvaluator) throws {
    while true {
      let batch = nextBatch()
      if batch.isEmpty { return }
      for (job, result) in zip(batch, try bench.evaluate(batch, tasks)) {
        do {
          try finish(job, try result.get())
        } catch let error as SearchError where isTolerated(job, error) {
          give(up: job, error)
        }
      }
    }
  }

  /// All that is needed, and guesses where there is room for more.
  private func nextBatch() -> [CandidateJob] {
    state.withLock { state in
      var batch: [CandidateJob] = []
      for speculating in options.speculates ? [false, true] : [false] {
        for index in state.models.indices {
          while !speculating || batch.count < options.jobs,
            let (content, isNeeded) = state.models[index].next(speculating: speculating)
          {
            batch.append(take(content, isNeeded, index, &state))
          }
        }
      }
      return batch
    }
  }

  private func work(_ place: Int) {
    while let job = nextJob() {
      do {
        let evaluation = try bench.evaluate(
          job.candidate, space: job.space, job: place, isNeeded: job.isNeeded, check: job.check)
        try finish(job, evaluation)
      } catch let error as SearchError where isTolerated(job, error) {
        give(up: job, error)
      } catch {
        state.withLock { state in
          // What else is at work is finished and recorded; nothing new is begun.
          state.error = state.error ?? error
          state.atWork -= 1
        }
      }
    }
  }

  /// Waits for something to do; nil when there is no more.
  private func nextJob() -> CandidateJob? {
    state.wait { state -> CandidateJob?? in
      if state.error != nil { return .some(nil) }
      for speculating in options.speculates && options.jobs > 1 ? [false, true] : [false] {
        for index in state.models.indices {
          guard let (content, isNeeded) = state.models[index].next(speculating: speculating) else {
            continue
          }
          return .some(take(content, isNeeded, index, &state))
        }
      }
      return state.atWork == 0 ? .some(nil) : nil
    }
  }

  private func take(
    _ content: Candidate.Content, _ isNeeded: Bool, _ index: Int, _ state: inout State
  ) -> CandidateJob {
    state.atWork += 1
    let model = state.models[index]
    let candidate = Candidate(content)
    if let factors = candidate.factors {
      state.models[index].pending.insert(factors)
    } else {
      state.models[index].isDensePending = true
    }
    return CandidateJob(
      model: index, candidate: candidate,
      space: candidate.factors == nil ? model.denseSpace : model.space, isNeeded: isNeeded,
      check: model.check)
  }

  private func finish(_ job: CandidateJob, _ evaluation: Evaluation) throws {
    try state.withLock { state in
      if let factors = job.candidate.factors {
        state.models[job.model].onEvent(factors, evaluation)
      } else {
        try state.models[job.model].tellDense(evaluation)
      }
      state.atWork -= 1
    }
  }

  /// Whether a candidate that cannot be evaluated counts as the worst.
  private func isTolerated(_ job: CandidateJob, _ error: SearchError) -> Bool {
    options.onFailure == .worst && job.candidate.factors != nil
      && error.failure.exitCode == .stopped
  }

  private func give(up job: CandidateJob, _ error: SearchError) {
    guard let factors = job.candidate.factors else { return }
    state.withLock { state in
      state.models[job.model].onEvent(factors, nil)
      state.models[job.model].warn([
        "factors \(factors) count as the worst: \(error.failure.message)"
      ])
      state.atWork -= 1
    }
  }
}
