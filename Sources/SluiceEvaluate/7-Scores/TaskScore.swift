/// What a model makes of a task.
package struct TaskScore: Sendable {
  /// The name of the task.
  package let name: String
  /// What it makes of each example, in the order of the file.
  package let examples: [ExampleScore]
  /// The lines of the examples.
  package let lines: [Int]
  /// Whether the examples are choices.
  package let isChoice: Bool
  /// The mean loss of a token of the right answers.
  package let loss: ScoreFigure
  /// Its exponential.
  package let perplexity: ScoreFigure
  /// The share of answers that greedy decoding finds; nil of choices.
  package let exactMatch: ScoreFigure?
  /// The share of right choices by log-likelihood; nil of answers.
  package let accuracy: ScoreFigure?
  /// The same by log-likelihood divided by length.
  package let accuracyByLength: ScoreFigure?

  /// Scores a task.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - examples: What the model makes of its examples.
  init(_ task: TaskFile, _ examples: [ExampleScore]) {
    name = task.name
    self.examples = examples
    lines = task.examples.map(\.line)
    isChoice = task.isChoice
    loss = ScoreFigure(losses: examples.map(\.loss), tokenCounts: examples.map(\.tokenCount))
    perplexity = loss.exponential
    exactMatch = task.isChoice ? nil : ScoreFigure(share: examples.map { $0.areGreedy[$0.right] })
    accuracy = task.isChoice ? ScoreFigure(share: examples.map { $0.chosen == $0.right }) : nil
    accuracyByLength =
      task.isChoice ? ScoreFigure(share: examples.map { $0.chosenByLength == $0.right }) : nil
  }

  /// The tokens of the right answers.
  package var tokenCount: Int { examples.reduce(0) { $0 + $1.tokenCount } }

  /// The share of examples that were right: higher is better.
  package var score: Double { (accuracy ?? exactMatch)?.value ?? 0 }
}

extension TokenBatch {
  /// A sequence for each answer and each choice of tasks, in their order.
  ///
  /// - Parameter tasks: The tasks.
  package init(_ tasks: [TaskFile]) {
    self.init(
      tasks.flatMap { task in
        task.examples.flatMap { example in
          example.answers.map {
            Sequence(tokens: example.prompt + $0, answerStart: example.prompt.count)
          }
        }
      })
  }

  /// Puts scores of tokens together for the tasks that the batch was made of.
  package func taskScores(_ tasks: [TaskFile], _ tokens: [TokenScore]) -> [TaskScore] {
    var next = 0
    return tasks.map { task in
      TaskScore(
        task,
        task.examples.map { example in
          let parts = example.answers.map { _ in
            defer { next += 1 }
            return tokens[answers[next]..<answers[next + 1]]
          }
          return ExampleScore(example, parts)
        })
    }
  }
}
