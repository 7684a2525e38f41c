internal import Glibc
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// What gives scores to checkpoints: a command of the user's, or task files.
package struct Evaluator: Sendable, Hashable {
  /// The command as it was given.
  package let text: String
  /// How long one run may take, in seconds; nil for any time.
  package var timeLimit: Double?
  /// How many times a run that failed is repeated.
  package var retries = 1
  private let way: Way

  private enum Way: Hashable {
    case command(CommandWords)
    case tasks(TaskEvaluator)
  }

  /// Reads a command.
  ///
  /// - Parameter text: Words, with `{model}` for the checkpoint's directory.
  /// - Throws: `SearchError` if it is no command, or has no place for the model.
  package init(_ text: String) throws(SearchError) {
    self.text = text
    let command: CommandWords
    do throws(CommandWords.Problem) {
      command = try CommandWords(text)
    } catch {
      throw .usage(
        error == .empty ? "the evaluator is empty" : "a quote in the evaluator is not closed",
        remedy: "Give a command such as --evaluator 'python3 score.py {model}'.")
    }
    guard command.has("model") else {
      throw .usage(
        "the evaluator has no {model}: it would not know what to evaluate",
        remedy: "Give a command such as --evaluator 'python3 score.py {model}'.")
    }
    way = .command(command)
  }

  /// Scores on task files.
  package init(_ tasks: TaskEvaluator) {
    text = tasks.text
    way = .tasks(tasks)
  }

  /// What tells it from other evaluators: evaluations by one say nothing about another.
  var identity: Hash128 {
    switch way {
    case .command: Hash128(of: Array(text.utf8))
    case .tasks(let tasks): tasks.identity
    }
  }

  /// What scores candidates in this process, many in one pass; nil if a command does.
  var tasks: TaskEvaluator? { if case .tasks(let tasks) = way { tasks } else { nil } }

  /// What a run has to say.
  struct Outcome {
    var scores: TaskScores
    var seconds: Double
    var attempts: Int
  }

  /// Why there are no scores.
  enum Failed: Error {
    case cancelled
    /// The last attempt's failure, as a clause: `the evaluator ...`.
    case failed(String, remedy: String?)
  }

  /// Evaluates a checkpoint.
  func evaluate(
    _ path: String, _ candidate: Candidate, in place: EvaluatorDirectory,
    check: (TaskScores) -> String?, retrying: (String) -> Void,
    hearing: (String) -> Void = { _ in }
  ) throws(Failed) -> Outcome {
    guard case .command(let command) = way else { preconditionFailure("a command evaluates here") }
    let words = command.filled([
      "model": path, "name": candidate.model, "factors": candidate.label, "job": "\(place.job)",
    ])
    var attempt = 1
    while true {
      let start = MonotonicTime.now
      let result = try run(words, in: place, hearing)
      switch result {
      case .success(let scores):
        let seconds = MonotonicTime.now.seconds(since: start)
        guard let problem = check(scores) else {
          return Outcome(scores: scores, seconds: seconds, attempts: attempt)
        }
        guard attempt <= retries else { throw .failed(problem, remedy: nil) }
        retrying(problem)
      case .failure(let problem):
        // What cannot be started once cannot be started twice.
        guard attempt <= retries, problem.mayPass else {
          throw .failed(problem.message, remedy: problem.remedy)
        }
        retrying(problem.message)
      }
      attempt += 1
    }
  }

  private struct Problem: Error {
    var message: String
    var remedy: String?
    var mayPass = true
  }

  private func run(
    _ words: [String], in place: EvaluatorDirectory, _ hearing: (String) -> Void
  ) throws(Failed) -> Result<TaskScores, Problem> {
    let process: EvaluatorProcess
    do throws(ChildProgram.Unstarted) {
      process = try EvaluatorProcess(words)
    } catch {
      return .failure(
        Problem(
          message: "\(words[0].printable) cannot be started: \(error.reason)",
          remedy: "Words are parted as a shell does, but there is no shell: for pipes and the like "
            + "use sh -c.", mayPass: false))
    }
    place.note(process.process)
    let end = process.wait(atMost: timeLimit, place.cancellation, hearing: hearing)
    place.forget()
    var problem: Problem
    switch end {
    case .cancelled: throw .cancelled
    case .late:
      problem = Problem(
        message: "did not end within \(timeLimit ?? 0) s and was killed",
        remedy: "Allow more with --time-limit.")
    case .signal(let number): problem = Problem(message: "was ended by signal \(number)")
    case .exited(let code) where code != 0:
      problem = Problem(message: "ended with exit code \(code)")
    case .exited:
      do throws(EvaluatorAnswer.Problem) {
        return .success(try EvaluatorAnswer.scores(in: process.output))
      } catch {
        problem = Problem(
          message: error.message,
          remedy: "The last JSON object on standard output must be like "
            + "{\"tasks\": {\"gsm8k\": 0.57}}.")
      }
    }
    problem.message += tail(process.errors)
    return .failure(problem)
  }

  /// The last lines that a run wrote on its standard error.
  private func tail(_ errors: [UInt8]) -> String {
    let lines = String(decoding: errors, as: UTF8.self).split(whereSeparator: \.isNewline)
      .suffix(4).map { String($0.suffix(300)).printable }
    return lines.isEmpty ? "" : "; it said: " + lines.joined(separator: " | ")
  }
}
