internal import Glibc
internal import SluiceCore

/// What a model makes of an example.
package struct ExampleScore: Sendable, Hashable {
  /// The logarithms of the probabilities of the answer, or of each choice.
  package var logLikelihoods: [Double]
  /// How many tokens each has.
  package var tokenCounts: [Int]
  /// Whether each is what greedy decoding says: no token is more probable anywhere in it.
  package var areGreedy: [Bool]
  /// The position of the right one.
  package var right: Int
  /// The choice of the largest log-likelihood; the first of equals.
  package var chosen: Int
  /// The same where log-likelihoods are divided by lengths.
  package var chosenByLength: Int

  /// Scores an example.
  init(_ example: TaskExample, _ tokens: [ArraySlice<TokenScore>]) {
    logLikelihoods = tokens.map { $0.reduce(0) { $0 + $1.logProbability } }
    tokenCounts = tokens.map(\.count)
    areGreedy = tokens.map { $0.allSatisfy(\.isGreedy) }
    right = example.right
    chosen = ExampleScore.largest(logLikelihoods)
    let lengths = example.lengths ?? tokenCounts.map(Double.init)
    chosenByLength = ExampleScore.largest(zip(logLikelihoods, lengths).map { $0 / $1 })
  }

  /// The negative log-likelihood of the right answer.
  package var loss: Double { -logLikelihoods[right] }
  /// The tokens of the right answer.
  package var tokenCount: Int { tokenCounts[right] }

  private static func largest(_ values: [Double]) -> Int {
    values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
  }
}

/// A mean over examples with its standard error.
package struct ScoreFigure: Sendable, Hashable {
  /// The mean.
  package var value: Double
  /// Its standard error; nil of one example.
  package var error: Double?

  /// The share of examples of which something holds.
  init(share flags: [Bool]) {
    let count = Double(flags.count)
    value = Double(flags.count { $0 }) / count
    error = flags.count > 1 ? (value * (1 - value) / (count - 1)).squareRoot() : nil
  }

  /// The sum of losses by that of tokens: examples are drawn, not tokens, so the error is that of a ratio.
  init(losses: [Double], tokenCounts: [Int]) {
    let count = Double(losses.count)
    let tokens = Double(tokenCounts.reduce(0, +))
    let ratio = losses.reduce(0, +) / tokens
    value = ratio
    let squares = zip(losses, tokenCounts).reduce(0.0) { sum, pair in
      let rest = pair.0 - ratio * Double(pair.1)
      return sum + rest * rest
    }
    error = losses.count > 1 ? (squares / (count * (count - 1))).squareRoot() * count / tokens : nil
  }

  private init(value: Double, error: Double?) { (self.value, self.error) = (value, error) }

  /// The exponential, with the error that it then has.
  var exponential: ScoreFigure {
    let value = exp(value)
    return ScoreFigure(value: value, error: error.map { $0 * value })
  }
}
